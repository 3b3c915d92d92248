/** Interviews as the database tells of them, and who may see which. */

import type { Caller } from "./caller.ts";
import type { Database } from "./database.ts";
import { Problem } from "./problem.ts";

/** Where a session belongs, as the caller's own rights show it. */
export interface Seen {
  /** Its tenant: from its row, never from the request. */
  tenant: string;
  /** Whether the caller is the person who is interviewed. */
  isTheirs: boolean;
}

/** What the database function `session` answers, as far as it is read here. */
export interface SessionRow {
  id: string;
  tenant: string;
  plan: string;
  stage_plan: string;
  candidate_name: string | null;
  job_role: string | null;
  language: string | null;
  model: string;
  simulation: boolean;
  created_at: number;
  failed_code: string | null;
  failed_ordinal: number | null;
  state: {
    projected_n: number;
    status: string;
    skipped_stages: string[];
    forced_transitions: number;
    stage: string | null;
    ended_by: string | null;
    control: string | null;
    started_at: number | null;
    ended_at: number | null;
  };
  call: { ordinal: number } | null;
  head_n: number;
  /** As Postgres writes bytes: `\x` and hex. */
  head_hash: string | null;
}

/** Looks a session up with the caller's own rights: row-level security decides, by their token. */
export async function seenBy(caller: Caller, database: Database, id: string): Promise<Seen> {
  const [sessions, people] = await Promise.all([
    database.rowsOf<{ tenant_id: string; user_id: string }>(
      caller.token,
      "interview_sessions",
      `id=eq.${id}&select=tenant_id,user_id`,
    ),
    database.rowsOf<{ id: string }>(caller.token, "users", "select=id&limit=1"),
  ]);
  const session = sessions[0];
  if (session === undefined) throw Problem.notFound();
  return { tenant: session.tenant_id, isTheirs: people[0]?.id === session.user_id };
}

/** The status as it is shown: a refused exchange counts until a call with a higher number was begun. */
export function statusOf(session: SessionRow): string {
  const { failed_code, failed_ordinal, call, state } = session;
  const isFailed = failed_code !== null && state.ended_at === null &&
    (call === null || call.ordinal <= (failed_ordinal ?? 0));
  return isFailed ? "failed" : state.status;
}

/** Unix milliseconds in RFC 3339. */
export function rfc3339(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
