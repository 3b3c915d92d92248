/**
 * `interview-transcript`: says which of the turns that a client heard are on the record. It writes nothing: the record is
 * what the service heard itself, and words that anybody could post afterwards would make it worth less.
 */

import type { Environment } from "../_shared/environment.ts";
import { characters, Fields } from "../_shared/fields.ts";
import { type Answer, type Asked, serve } from "../_shared/http.ts";
import { Problem } from "../_shared/problem.ts";
import { seenBy, type SessionRow, statusOf } from "../_shared/sessions.ts";

const MAX_BODY = 1024 * 1024;
const MAX_ENTRIES = 50;
const MAX_TEXT_BYTES = 16 * 1024;
const MAX_ITEM_ID = 256;
const SPEAKERS = ["candidate", "ai", "system", "user", "agent", "unknown"] as const;

/** A turn as the client names it. */
interface Told {
  item: string;
  part: number;
}

/** What the database function `projection` answers: the session, its turns without words, and the records after them. */
interface Recorded extends SessionRow {
  turns: { item: string; part: number; seq: number | null }[];
  records: { kind: string; body: string }[];
}

/** The function. */
export function makeHandler(environment: Environment): (request: Request) => Promise<Response> {
  return serve(environment, MAX_BODY, compare);
}

async function compare({ caller, fields, database }: Asked): Promise<Answer> {
  const id = fields.neededUuid("session_id");
  const told = entries(fields);
  const { tenant } = await seenBy(caller, database, id);
  const session = await database.call<Recorded | null>("projection", { tenant, session: id });
  if (session === null) throw Problem.notFound();
  const { settled, last } = onRecord(session);
  const wanted = new Map(told.map((entry) => [placeOf(entry), entry]));
  const pending = [...wanted].filter(([place]) => !settled.has(place)).map(([, entry]) => entry.item);
  return {
    status: 200,
    body: {
      success: true,
      session_id: id,
      status: statusOf(session),
      recorded_by: "service",
      saved_count: wanted.size - pending.length,
      pending: [...new Set(pending)],
      last_seq: last,
    },
  };
}

/** JSON keeps an id and a number apart whatever the id contains. */
function placeOf({ item, part }: Told): string {
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
  fields.oneOf("speaker", SPEAKERS);
  const text = fields.string("text");
  if (text !== null && (text.includes("\0") || new TextEncoder().encode(text).length > MAX_TEXT_BYTES)) {
    throw Problem.invalid(`\`text\` must be text of at most 16 KiB${where}.`, "text");
  }
  return { item, part };
}
