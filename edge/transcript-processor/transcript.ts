/**
 * The readable record of an interview, in the shape of the service's JSON export with the names that older systems read.
 * Pure. The readable tables are written with every commit; where one left records behind them, these are read on top.
 */

import { type SessionRow, statusOf } from "../_shared/sessions.ts";

interface TurnRow {
  call: number;
  item: string;
  part: number;
  speaker: string;
  state: string;
  n: number | null;
  seq: number | null;
  position: number | null;
  stage: string | null;
  source: string | null;
  start_ms: number | null;
  duration_ms: number | null;
  audio_end_ms: number | null;
  truncated: boolean;
  disputed: boolean;
  spoken_at: number | null;
  text: string | null;
}

interface StageRow {
  n: number;
  from: string | null;
  to: string;
  reason: string;
  questions_asked: number;
  in_stage_ms: number;
  at: number;
}

interface JournalRow {
  n: number;
  kind: string;
  source: string;
  body: string;
  text: string | null;
}

/** What the database function `transcript` answers. */
export interface Stored extends SessionRow {
  turns: TurnRow[];
  stages: StageRow[];
  /** Records after those that the readable tables hold. */
  records: JournalRow[];
}

/** What is read of a stored plan. */
interface Plan {
  stages: { name: string; label: string }[];
}

const ROLES: Record<string, string> = { ai: "agent", candidate: "user" };
const GENESIS = "0".repeat(64);

/** The record of `stored`; times are written by `time`. */
export function transcriptOf(stored: Stored, time: (unixMs: number) => string) {
  const { turns, stages, state } = readOn(stored);
  const at = (unixMs: number | null) => unixMs === null ? null : time(unixMs);
  const lines = turns.map((turn) => ({
    n: turn.n,
    seq: turn.seq,
    position: turn.position,
    item_id: turn.item,
    content_index: turn.part,
    speaker: turn.speaker,
    text: turn.text ?? "",
    stage: turn.stage ?? "",
    state: turn.state,
    source: turn.source,
    start_ms: turn.start_ms,
    duration_ms: turn.duration_ms,
    audio_end_ms: turn.audio_end_ms,
    truncated: turn.truncated,
    disputed: turn.disputed,
    spoken_at: at(turn.spoken_at),
  }));
  const said = lines.filter(({ text }) => text !== "").map(({ speaker, text, spoken_at, stage }) => ({
    role: ROLES[speaker] ?? speaker,
    text,
    timestamp: spoken_at,
    stage,
  }));
  return {
    success: true,
    meta: {
      session_id: stored.id,
      plan: stored.plan,
      status: statusOf({ ...stored, state }),
      candidate_name: stored.candidate_name,
      job_role: stored.job_role,
      language: stored.language,
      model: stored.model,
      simulation: stored.simulation,
      created_at: time(stored.created_at),
      started_at: at(state.started_at),
      ended_at: at(state.ended_at),
      ended_by: state.ended_by,
      final_stage: state.ended_at === null ? null : state.stage,
      skipped_stages: state.skipped_stages,
      forced_transitions: state.forced_transitions,
      control: state.control,
      head: stored.head_hash?.slice(2) ?? GENESIS,
      stage_labels: labelsOf(stored.stage_plan),
      candidate: stored.candidate_name,
      interview_date: at(state.started_at),
      total_messages: said.length,
    },
    stages: stages.map(({ n, from, to, reason, questions_asked, in_stage_ms, at }) => ({
      n,
      from,
      to,
      reason,
      questions_asked,
      seconds_in_stage: in_stage_ms / 1000,
      at: time(at),
    })),
    turns: lines,
    ordered_conversation: said,
  };
}

function labelsOf(plan: string): Plan["stages"] {
  try {
    return (JSON.parse(plan) as Plan).stages.map(({ name, label }) => ({ name, label }));
  } catch {
    // A plan of a version that nobody reads any more: what does not depend on it is still shown.
    return [];
  }
}

/** Turns in conversation order and stages, with what the records behind them add; a turn that they bring stands last. */
function readOn({ turns, stages, records, state }: Stored): Pick<Stored, "turns" | "stages" | "state"> {
  const settled = turns.filter(({ seq }) => seq !== null).sort((a, b) => a.position! - b.position!);
  const places = new Map(settled.map((turn, at) => [JSON.stringify([turn.call, turn.item, turn.part]), at]));
  const all = [...stages];
  const now = { ...state };
  for (const { n, kind, source, body, text } of records) {
    const entry = JSON.parse(body);
    if (kind === "turn" || kind === "revised") {
      const place = JSON.stringify([entry.call, entry.item, entry.content_index]);
      const at = places.get(place) ?? settled.length;
      const before = settled[at];
      places.set(place, at);
      settled[at] = {
        start_ms: null,
        duration_ms: null,
        audio_end_ms: null,
        truncated: false,
        disputed: false,
        ...entry,
        part: entry.content_index,
        source,
        n: before?.n ?? n,
        seq: before?.seq ?? settled.length + 1,
        position: before?.position ?? settled.length + 1,
        text: text ?? before?.text ?? null,
      };
    } else if (kind === "stage") {
      all.push({ from: null, ...entry, n: all.length + 1 });
      now.skipped_stages = [...now.skipped_stages, ...(entry.skipped ?? [])];
      if (entry.reason === "ended") {
        now.ended_at = entry.at;
        now.ended_by = entry.ended_by ?? null;
        now.status = now.started_at !== null ? "completed" : now.ended_by === "upstream_error" ? "failed" : "cancelled";
      } else {
        if (entry.reason === "start" && now.started_at === null) {
          Object.assign(now, { started_at: entry.at, status: "in_progress", ended_at: null, ended_by: null });
        }
        now.forced_transitions += entry.reason === "forced" ? 1 : 0;
        now.stage = entry.to;
      }
    } else if (kind === "call" && entry.event === "control") {
      now.control = entry.control;
    }
  }
  return { turns: settled, stages: all, state: now };
}
