/**
 * `transcript-processor`: an interview as it reads, with its stages. The same as the service's own export in JSON, older
 * names included. Pure but for the two questions to the database.
 */

import type { Environment } from "../_shared/environment.ts";
import { type Answer, type Asked, serve } from "../_shared/http.ts";
import { Problem } from "../_shared/problem.ts";
import { rfc3339, seenBy } from "../_shared/sessions.ts";
import { type Stored, transcriptOf } from "./transcript.ts";

const MAX_BODY = 16 * 1024;

/** The function. */
export function makeHandler(environment: Environment): (request: Request) => Promise<Response> {
  return serve(environment, MAX_BODY, read);
}

async function read({ caller, fields, database }: Asked): Promise<Answer> {
  const id = fields.neededUuid("session_id");
  const { tenant } = await seenBy(caller, database, id);
  const stored = await database.call<Stored | null>("transcript", { tenant, session: id });
  if (stored === null) throw Problem.notFound();
  return { status: 200, body: transcriptOf(stored, rfc3339) };
}
