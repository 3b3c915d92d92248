/**
 * `interview-transcript`: turns that a client heard. Those of a running interview go to the process that has its call, as
 * the claim of whoever is interviewed: they count while that process cannot hear the model itself, and are marked so. The
 * answer says which turns are on the record, whoever told of them. Nothing is written past the call.
 */

import type { Environment } from "../_shared/environment.ts";
import { characters, Fields } from "../_shared/fields.ts";
import { type Answer, type Asked, serve } from "../_shared/http.ts";
import { tellOwner, type ToldTurn } from "../_shared/owner.ts";
import { Problem } from "../_shared/problem.ts";
import { seenBy, type SessionRow, statusOf } from "../_shared/sessions.ts";

const MAX_BODY = 1024 * 1024;
const MAX_ENTRIES = 50;
const MAX_TEXT_BYTES = 16 * 1024;
const MAX_ITEM_ID = 256;
const SPEAKERS = ["candidate", "ai", "system", "user", "agent", "unknown"] as const;

/** A turn as the client names it, with its words if it told them. */
interface Told {
  item: string;
  part: number;
  turn: ToldTurn | null;
}

/** What the database function `projection` answers: the session, its turns without words, and the records after them. */
interface Recorded extends SessionRow {
  turns: { item: string; part: number; seq: number | null }[];
  records: { kind: string; body: string }[];
}

/** The function. */
export function makeHandler(environment: Environment): (request: Request) => Promise<Response> {
  return serve(environment, MAX_BODY, take);
}

async function take({ caller, fields, database }: Asked): Promise<Answer> {
  const id = fields.neededUuid("session_id");
  const told = entries(fields);
  const { tenant, isTheirs } = await seenBy(caller, database, id);
  const recorded = async () => {
    const session = await database.call<Recorded | null>("projection", { tenant, session: id });
    if (session === null) throw Problem.notFound();
    const { settled, last } = onRecord(session);
    const pending = [...wanted].filter(([place]) => !settled.has(place)).map(([, entry]) => entry);
    return { session, last, pending };
  };
  const wanted = new Map(told.map((entry) => [placeOf(entry), entry]));
  let now = await recorded();
  const turns = now.pending.flatMap(({ turn }) => turn ?? []);
  // Whoever reads or conducts an interview was not in it.
  if (turns.length > 0 && isTheirs && now.session.state.status === "in_progress") {
    if (await tellOwner(database, id, turns)) now = await recorded();
  }
  return {
    status: 200,
    body: {
      success: true,
      session_id: id,
      status: statusOf(now.session),
      recorded_by: "service",
      saved_count: wanted.size - now.pending.length,
      pending: [...new Set(now.pending.map(({ item }) => item))],
      last_seq: now.last,
    },
  };
}

/** JSON keeps an id and a number apart whatever the id contains. */
function placeOf({ item, part }: { item: string; part: number }): string {
  return JSON.stringify([item, part]);
}

/** Settled turns, also those that are recorded and not yet in the readable tables. */
function onRecord({ turns, records }: Recorded): { settled: Set<string>; last: number } {
  const settled = new Set(turns.filter(({ seq }) => seq !== null).map(placeOf));
  let last = turns.reduce((most, { seq }) => Math.max(most, seq ?? 0), 0);
  for (const { kind, body } of records) {
    if (kind !== "turn" && kind !== "revised") continue;
    const { item, content_index } = JSON.parse(body) as { item: string; content_index?: number };
    const place = placeOf({ item, part: content_index ?? 0 });
    if (!settled.has(place)) last += 1;
    settled.add(place);
  }
  return { settled, last };
}

function entries(fields: Fields): Told[] {
  const several = fields.value("entries");
  if (several === null) {
    if (!fields.has("item_id")) throw Problem.invalid("`entries` is missing.", "entries");
    return [entry(fields, "")];
  }
  if (!Array.isArray(several) || several.length < 1 || several.length > MAX_ENTRIES) {
    throw Problem.invalid(`\`entries\` must be a list of 1 to ${MAX_ENTRIES}.`, "entries");
  }
  return several.map((value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw Problem.invalid(`\`entries[${at}]\` must be an object.`, "entries");
    }
    return entry(new Fields(value as Record<string, unknown>), ` (in entries[${at}])`);
  });
}

function entry(fields: Fields, where: string): Told {
  const item = fields.string("item_id");
  if (item === null || item === "" || characters(item) > MAX_ITEM_ID || /\p{Cc}/u.test(item)) {
    throw Problem.invalid(`\`item_id\` must be 1 to ${MAX_ITEM_ID} printable characters${where}.`, "item_id");
  }
  const part = fields.value("content_index") ?? 0;
  if (typeof part !== "number" || !Number.isInteger(part) || part < 0 || part > 1_000) {
    throw Problem.invalid(`\`content_index\` must be a whole number from 0${where}.`, "content_index");
  }
  const speaker = speakerOf(fields.oneOf("speaker", SPEAKERS));
  const text = fields.string("text");
  if (text !== null && (text.includes("\0") || new TextEncoder().encode(text).length > MAX_TEXT_BYTES)) {
    throw Problem.invalid(`\`text\` must be text of at most 16 KiB${where}.`, "text");
  }
  const turn = speaker === null || text === null ? null : { item_id: item, content_index: part, speaker, text };
  return { item, part, turn };
}

/** Who spoke, by the names of now and of older applications. Of anybody else no turn is told. */
function speakerOf(name: typeof SPEAKERS[number] | null): ToldTurn["speaker"] | null {
  switch (name) {
    case "candidate":
    case "user":
      return "candidate";
    case "ai":
    case "agent":
      return "ai";
    case "system":
    case "unknown":
    case null:
      return null;
  }
}
