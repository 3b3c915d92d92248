/**
 * How each function meets HTTP: who may ask, from where, with what, in that order; one refusal for each. What a function
 * does is given to it and never sees a request that was not checked.
 */

import { readAtMost } from "./bytes.ts";
import { type Caller, callers } from "./caller.ts";
import { Database } from "./database.ts";
import type { Environment } from "./environment.ts";
import { Fields } from "./fields.ts";
import { Problem } from "./problem.ts";

/** A request that may be served. */
export interface Asked {
  caller: Caller;
  fields: Fields;
  database: Database;
  environment: Environment;
}

/** What a function answers with. */
export interface Answer {
  status: number;
  body: unknown;
}

const PREFLIGHT = {
  "access-control-allow-methods": "POST, OPTIONS",
  "access-control-allow-headers": "authorization, content-type, apikey, x-client-info, x-request-id",
  "access-control-max-age": "600",
};
const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The handler of a function that takes bodies of at most `maxBytes`. */
export function serve(
  environment: Environment,
  maxBytes: number,
  operate: (asked: Asked) => Promise<Answer>,
): (request: Request) => Promise<Response> {
  const callerOf = callers(environment);
  const database = new Database(environment);

  const answer = async (request: Request, isForeign: boolean): Promise<Answer> => {
    if (request.method !== "POST") throw new Problem("METHOD_NOT_ALLOWED", "Use POST.");
    const caller = await callerOf(request);
    if (isForeign) throw foreign();
    const fields = new Fields(await jsonObject(request, maxBytes));
    return await operate({ caller, fields, database, environment });
  };

  return async (request) => {
    const given = request.headers.get("x-request-id") ?? "";
    const requestId = REQUEST_ID.test(given) ? given : `req_${crypto.randomUUID().replaceAll("-", "")}`;
    const origin = request.headers.get("origin");
    const isForeign = origin !== null && !environment.allowedOrigins.has(origin);
    const headers = new Headers({ "cache-control": "no-store", "x-request-id": requestId, vary: "Origin" });
    if (origin !== null && !isForeign) {
      headers.set("access-control-allow-origin", origin);
      headers.set("access-control-expose-headers", "x-request-id, retry-after");
    }
    try {
      if (request.method === "OPTIONS") {
        if (isForeign) throw foreign();
        for (const [name, value] of Object.entries(PREFLIGHT)) headers.set(name, value);
        return new Response(null, { status: 204, headers });
      }
      const { status, body } = await answer(request, isForeign);
      headers.set("content-type", "application/json");
      return new Response(JSON.stringify(body), { status, headers });
    } catch (error) {
      if (error instanceof Problem) {
        if (error.code === "METHOD_NOT_ALLOWED") headers.set("allow", "POST, OPTIONS");
        return error.respond(requestId, headers);
      }
      // The kind alone: a message may quote what came in.
      console.error(
        JSON.stringify({ event: "defect", request_id: requestId, kind: error instanceof Error ? error.name : "" }),
      );
      return new Problem("INTERNAL", "The request could not be completed. Quote the request id when you report it.")
        .respond(requestId, headers);
    }
  };
}

function foreign(): Problem {
  return new Problem("FORBIDDEN", "Pages of this origin may not act here. Add it to ALLOWED_ORIGINS.");
}

async function jsonObject(request: Request, maxBytes: number): Promise<Record<string, unknown>> {
  const kind = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (kind !== "application/json") {
    throw new Problem("UNSUPPORTED_MEDIA_TYPE", "Send JSON with `Content-Type: application/json`.");
  }
  const tooLarge = new Problem("PAYLOAD_TOO_LARGE", `The body may have at most ${maxBytes / 1024} KiB.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge;
  let bytes: Uint8Array | null;
  try {
    bytes = await readAtMost(request.body, maxBytes);
  } catch {
    throw new Problem("BAD_MESSAGE", "The body broke off.");
  }
  if (bytes === null) throw tooLarge;
  const value = json(bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw Problem.invalid("The body must be one JSON object.");
  }
  return value as Record<string, unknown>;
}

function json(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return JSON.parse(text, (name, value) => {
      // Half a surrogate pair is no text, and nothing further on could store it.
      if (!name.isWellFormed() || typeof value === "string" && !value.isWellFormed()) throw new SyntaxError();
      return value;
    });
  } catch {
    throw new Problem("BAD_MESSAGE", "The body is not JSON in UTF-8.");
  }
}
