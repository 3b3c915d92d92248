/**
 * For tests: people, tokens and interviews in the project that `scripts/supabase-local up` runs. Every test makes its own;
 * nothing is shared, so that tests neither wait for nor disturb one another.
 */

import { strict as assert } from "node:assert";
import { importJWK, SignJWT, UnsecuredJWT } from "jose";
import type { Environment } from "./environment.ts";
import { readEnvironment } from "./environment.ts";
import { uuidV7 } from "./ids.ts";
import type { Standing } from "./standing.ts";

const HOUR_S = 3600;
export const PAGE = "https://app.example";

function get(name: string): string {
  const value = Deno.env.get(name);
  if (value === undefined) throw new Error(`${name} is not set: run scripts/test --only edge`);
  return value;
}

/** Settings of a function in the local project. */
export function environment(): Environment {
  const others: Record<string, string> = {
    PUBLIC_URL: "https://viva.example",
    ALLOWED_ORIGINS: PAGE,
    JWT_SECRET: get("SUPABASE_JWT_SECRET"),
  };
  return readEnvironment((name) => others[name] ?? Deno.env.get(name));
}

/** What a token is made with, where it differs from a good one. */
export interface Spoilt {
  claims?: Record<string, unknown>;
  without?: string;
  sign?: "es256" | "another key" | "legacy" | "legacy with another secret" | "public key as secret" | "nothing";
}

/** A token as the project's Auth service signs it, or a spoilt one. */
export async function token(sub: string, { claims = {}, without, sign = "es256" }: Spoilt = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const said: Record<string, unknown> = {
    iss: `${get("SUPABASE_URL")}/auth/v1`,
    aud: "authenticated",
    role: "authenticated",
    sub,
    iat: now,
    exp: now + HOUR_S,
    ...claims,
  };
  if (without !== undefined) delete said[without];
  const jwk = JSON.parse(await Deno.readTextFile(get("SUPABASE_SIGNING_KEY_FILE")));
  const { kid, crv, x, y } = jwk;
  const bytes = (text: string) => new TextEncoder().encode(text);
  switch (sign) {
    case "es256":
      return await new SignJWT(said).setProtectedHeader({ alg: "ES256", kid }).sign(await importJWK(jwk, "ES256"));
    case "another key": {
      const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
      return await new SignJWT(said).setProtectedHeader({ alg: "ES256", kid }).sign(pair.privateKey);
    }
    case "legacy":
      return await new SignJWT(said).setProtectedHeader({ alg: "HS256" }).sign(bytes(get("SUPABASE_JWT_SECRET")));
    case "legacy with another secret":
      return await new SignJWT(said).setProtectedHeader({ alg: "HS256" }).sign(bytes("x".repeat(48)));
    case "public key as secret": {
      const published = bytes(JSON.stringify({ kty: "EC", crv, x, y }));
      return await new SignJWT(said).setProtectedHeader({ alg: "HS256", kid }).sign(published);
    }
    case "nothing":
      return new UnsecuredJWT(said).encode();
  }
}

/** A person whom the service knows. */
export interface Someone {
  id: string;
  token: string;
  /** Their own tenant. */
  tenant: string;
}

/** Asks the project as the service does. */
async function service<T>(path: string, argument: unknown): Promise<T> {
  const response = await fetch(`${get("SUPABASE_URL")}/rest/v1/${path}`, {
    method: "POST",
    headers: { apikey: get("SUPABASE_SECRET_KEY"), "content-type": "application/json", "user-agent": "viva-tests" },
    body: JSON.stringify(argument),
  });
  const body = await response.text();
  assert.ok(response.ok, `${path}: ${response.status} ${body}`);
  return (body === "" ? null : JSON.parse(body)) as T;
}

/** Calls a function of the schema as the service. */
export function rpc<T>(name: string, argument: Record<string, unknown>): Promise<T> {
  return service(`rpc/${name}`, argument);
}

/** Somebody new. `sub` is a UUID unless told. */
export async function someone(sub: string = crypto.randomUUID(), spoilt: Spoilt = {}): Promise<Someone> {
  const standing = await rpc<Standing>("admit", {
    user: uuidV7(),
    spare: uuidV7(),
    tenant: uuidV7(),
    issuer: `${get("SUPABASE_URL")}/auth/v1`,
    subject: sub,
    now: Date.now(),
  });
  return { id: standing.user.id, token: await token(sub, spoilt), tenant: standing.memberships[0]!.tenant };
}

/** An organisation with these members. */
export async function organisation(members: [Someone, string][]): Promise<string> {
  const tenant = uuidV7();
  const now = new Date().toISOString();
  await service("tenants", { id: tenant, name: `org ${tenant}`, kind: "organisation", created_at: now });
  const rows = members.map(([{ id }, role]) => ({ tenant_id: tenant, user_id: id, role, created_at: now }));
  await service("memberships", rows);
  return tenant;
}

/** An interview of `person` in `tenant`, made as the service makes one. */
export async function interview(person: Someone, tenant = person.tenant): Promise<string> {
  const id = uuidV7();
  const now = Date.now();
  const hash = `\\x${crypto.getRandomValues(new Uint8Array(32)).toHex()}`;
  await rpc("create_session", {
    tenant,
    now,
    session: {
      id,
      user: person.id,
      plan: "short",
      stage_plan: JSON.stringify({
        stages: [{ name: "welcome", label: "Welcome" }, { name: "closing", label: "Bye" }],
      }),
      candidate_name: "Robin",
      job_role: null,
      language: "en",
      model: "a-model",
      voice: "a-voice",
      simulation: true,
      created_at: now,
      details: { profile: "Included" },
    },
    ticket: { hash, session: id, policy: "locked", expires_at: now + 1000 },
    consent: { version: "1", locale: "en", text_hash: null },
  });
  return id;
}

/** One record of a journal: its entry, and the words that lie beside it. */
export interface Recorded {
  kind: string;
  entry: Record<string, unknown>;
  text?: string;
}

/** Appends records as the service does; with `projection` the readable tables are written as well. Returns the last hash. */
export async function record(
  { session, tenant, records, projection, after = { n: 0, hash: "00".repeat(32) }, epoch = 1 }: {
    session: string;
    tenant: string;
    records: Recorded[];
    projection?: unknown;
    /** The journal's last record, where it has one. */
    after?: { n: number; hash: string };
    /** The lease's. */
    epoch?: number;
  },
): Promise<string> {
  const hashOf = () => `\\x${crypto.getRandomValues(new Uint8Array(32)).toHex()}`;
  const written = records.map(({ kind, entry, text }, at) => ({
    n: after.n + at + 1,
    epoch: 1,
    kind,
    source: "sideband",
    hash: hashOf(),
    body: JSON.stringify({ kind, ...entry, stamp: { source: "sideband", epoch: 1 } }),
    salt: text === undefined ? null : `\\x${"01".repeat(16)}`,
    text: text ?? null,
  }));
  await rpc("commit_call", {
    tenant,
    session,
    lease_epoch: epoch,
    expected_n: after.n + 1,
    prev_hash: `\\x${after.hash}`,
    records: written,
    ...(projection === undefined ? {} : { projection }),
  });
  return written.at(-1)!.hash.slice(2);
}

/** A handler of a function. */
export type Handler = (request: Request) => Promise<Response>;

/** Asks a function as a client does. */
export function ask(handler: Handler, token: string | null, body: unknown, headers: Record<string, string> = {}) {
  return handler(
    new Request("http://functions.test/", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: typeof body === "string" ? body : JSON.stringify(body),
    }),
  );
}

/** The body of an answer with that status. */
// deno-lint-ignore no-explicit-any -- what a test looks into is the test's to know
export async function told(response: Response, status: number): Promise<any> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("cache-control"), "no-store");
  return JSON.parse(text);
}

/** That an answer is that refusal, in full form, about `field` if that is told. */
export async function refused(response: Response, status: number, code: string, field?: string): Promise<string> {
  const problem = JSON.parse(await response.text());
  assert.deepEqual([response.status, problem.status, problem.code], [status, status, code], problem.detail);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.equal(problem.type, `urn:viva:problem:${code.toLowerCase().replaceAll("_", "-")}`);
  assert.equal(problem.request_id, response.headers.get("x-request-id"));
  if (field !== undefined) assert.equal(problem.field, field, problem.detail);
  return problem.detail;
}
