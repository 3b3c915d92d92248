/**
 * The process that has an interview's call: it alone writes to the record, so whatever a client tells of a running call is
 * told to it, through the database. It looks once a second and says what came of it.
 */

import type { Database } from "./database.ts";

/** Between two looks for an answer. */
const LOOK_MS = 250;
/** Longer than a look of its and what it takes to write turns down. */
const LIMIT_MS = 8_000;

/** A turn as somebody tells of it. */
export interface ToldTurn {
  item_id: string;
  content_index: number;
  speaker: "candidate" | "ai";
  text: string;
}

/** Hands turns to whoever has the call. `true`: it took them, and what counts of them is durable. */
export async function tellOwner(database: Database, session: string, turns: ToldTurn[]): Promise<boolean> {
  const id = crypto.randomUUID();
  const wish = { id, what: "report", turns };
  // A name that no machine has: whoever has the session is somebody else.
  if (!await database.call<boolean>("ask_owner", { session, owner: "an edge function", wish })) return false;
  for (const until = Date.now() + LIMIT_MS; Date.now() < until;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const told = await database.call<{ outcome: string } | null>("wish_outcome", { session, id });
    if (told !== null) return told.outcome === "done";
  }
  return false;
}
