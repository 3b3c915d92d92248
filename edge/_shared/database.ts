/**
 * The project's database through PostgREST: functions as the service, and reads as the caller, whom row-level security
 * holds to what is theirs. It must not follow redirects, since a key travels in a header, nor show what the database says
 * of an error: Postgres quotes values there.
 */

import { readAtMost } from "./bytes.ts";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

/** Longer than the platform's statement timeout, so that a slow statement is told apart from a silent server. */
const TIMEOUT_MS = 10_000;
/** Larger than the transcript of the longest interview. */
const MAX_ANSWER = 32 * 1024 * 1024;
/** Hosted projects refuse secret keys to whatever looks like a browser. */
const USER_AGENT = "viva-edge";

/** The database of one project. */
export class Database {
  #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Calls a function of the schema as the service. `T` is what that function answers; the migrations are its contract. */
  call<T>(name: string, argument: Record<string, unknown>): Promise<T> {
    const { secretKey } = this.#environment;
    return this.#ask(`rpc/${name}`, {
      method: "POST",
      headers: { ...keyHeaders(secretKey), "content-type": "application/json" },
      body: JSON.stringify(argument),
    });
  }

  /** Rows that the person with `token` may see: `query` is PostgREST's, values already encoded. */
  rowsOf<T>(token: string, table: string, query: string): Promise<T[]> {
    const { publishableKey } = this.#environment;
    return this.#ask(`${table}?${query}`, { headers: { apikey: publishableKey, authorization: `Bearer ${token}` } });
  }

  async #ask<T>(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<T> {
    let response: Response;
    let body: Uint8Array | null;
    try {
      response = await fetch(`${this.#environment.url}/rest/v1/${path}`, {
        ...init,
        headers: { ...init.headers, accept: "application/json", "user-agent": USER_AGENT },
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      body = await readAtMost(response.body, MAX_ANSWER);
    } catch {
      throw unavailable();
    }
    const answer = parsed(body);
    if (response.ok && answer !== undefined) return answer as T;
    throw refusal(path.split("?")[0]!, response.status, answer);
  }
}

function keyHeaders(key: string): Record<string, string> {
  // The legacy key is a token and goes where tokens go as well; the new ones must not.
  return key.startsWith("eyJ") ? { apikey: key, authorization: `Bearer ${key}` } : { apikey: key };
}

function parsed(body: Uint8Array | null): unknown {
  try {
    return body === null ? undefined : JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function unavailable(): Problem {
  return new Problem("DATABASE_UNAVAILABLE", "The store is not available at the moment. Nothing was changed.");
}

function refusal(what: string, status: number, answer: unknown): Problem {
  const code = typeof answer === "object" && answer !== null && "code" in answer ? String(answer.code) : "";
  switch (code) {
    case "PT404":
      return Problem.notFound();
    case "PT409":
    case "PT412":
    case "23505":
      return new Problem("CONFLICT", "Somebody else changed this at the same time. Read it again and retry.");
    case "PT429":
      return new Problem("CAPACITY_REACHED", "All places are taken. Try again when an interview has ended.");
    case "22P05":
      return Problem.invalid("A text has a character that cannot be stored (U+0000).");
    case "PGRST301":
    case "PGRST303":
      return new Problem("AUTHENTICATION_FAILED", "The database does not believe the token. Sign in again.");
  }
  console.error(JSON.stringify({ event: "store.error", what, status, code }));
  const isForNow = status >= 500 || status === 429 || code === "PGRST202" || code === "PGRST205" || code === "42P01";
  return isForNow
    ? unavailable()
    : new Problem("INTERNAL", "The request could not be completed. Quote the request id.");
}
