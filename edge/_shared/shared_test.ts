import { strict as assert } from "node:assert";
import { readEnvironment } from "./environment.ts";
import { mintTicket, uuidV7 } from "./ids.ts";
import { CODES } from "./problem.ts";
import { acting, type Standing } from "./standing.ts";

Deno.test("codes, statuses and titles are the service's", async () => {
  const source = await Deno.readTextFile(new URL("../../proxy/src/api/code.rs", import.meta.url));
  const facts = [...source.matchAll(/\(\s*"([A-Z_]+)",\s*StatusCode::([A-Z_]+),\s*"([^"]+)"\s*,?\s*\)/g)];
  assert.ok(facts.length > 30, "the service's table was not understood");
  const statuses: Record<string, number> = {
    UNAUTHORIZED: 401,
    FORBIDDEN: 403,
    NOT_FOUND: 404,
    METHOD_NOT_ALLOWED: 405,
    CONFLICT: 409,
    PAYLOAD_TOO_LARGE: 413,
    UNSUPPORTED_MEDIA_TYPE: 415,
    UNPROCESSABLE_ENTITY: 422,
    BAD_REQUEST: 400,
    INTERNAL_SERVER_ERROR: 500,
    SERVICE_UNAVAILABLE: 503,
  };
  const theirs = new Map(facts.map(([, code, status, title]) => [code, [statuses[status!], title]]));
  for (const [code, { status, title }] of Object.entries(CODES)) {
    assert.deepEqual(theirs.get(code), [status, title], code);
  }
});

Deno.test("ids have the form of version 7 and are ordered by time", () => {
  const ids = [0, 1, 1_700_000_000_000, 2 ** 48 - 1].map((ms) => uuidV7(ms));
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(ids.toSorted(), ids);
  assert.equal(parseInt(ids[2]!.slice(0, 13).replace("-", ""), 16), 1_700_000_000_000);
});

Deno.test("tickets differ and their hash is of the whole value", async () => {
  const [one, two] = [await mintTicket(), await mintTicket()];
  assert.notEqual(one.value, two.value);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(one.value));
  assert.equal(one.hash, `\\x${new Uint8Array(digest).toHex()}`);
});

const PROJECT: Record<string, string> = {
  SUPABASE_URL: "https://abc.supabase.co/",
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_a"}',
  SUPABASE_PUBLISHABLE_KEYS: '{"web":"sb_publishable_a"}',
  PUBLIC_URL: "https://viva.example",
};

Deno.test("settings are read under the platform's names, new and legacy", () => {
  const { url, issuer, secretKey, publishableKey, allowedOrigins } = readEnvironment((name) => PROJECT[name]);
  assert.deepEqual([url, issuer], ["https://abc.supabase.co", "https://abc.supabase.co/auth/v1"]);
  assert.deepEqual([secretKey, publishableKey], ["sb_secret_a", "sb_publishable_a"]);
  assert.deepEqual([...allowedOrigins], ["https://viva.example"]);
  const legacy: Record<string, string> = {
    SUPABASE_URL: "https://abc.supabase.co",
    SUPABASE_SERVICE_ROLE_KEY: "eyJ.service",
    SUPABASE_ANON_KEY: "eyJ.anon",
    PUBLIC_URL: "https://viva.example",
    ALLOWED_ORIGINS: "https://a.example, https://B.example/",
  };
  const read = readEnvironment((name) => legacy[name]);
  assert.deepEqual([read.secretKey, read.publishableKey], ["eyJ.service", "eyJ.anon"]);
  assert.deepEqual([...read.allowedOrigins].sort(), ["https://a.example", "https://b.example", "https://viva.example"]);
});

Deno.test("every fault of the settings is told at once, and a wildcard is one", () => {
  const told = (changes: Record<string, string>) => {
    try {
      readEnvironment((name) => ({ ...PROJECT, ...changes })[name]);
      return [];
    } catch (error) {
      return (error as Error).message.split("\n");
    }
  };
  for (const origins of ["*", "https://*.example", "a.example", "https://a.example/path", "null"]) {
    assert.equal(told({ ALLOWED_ORIGINS: origins }).length, 1, origins);
  }
  assert.equal(told({ SUPABASE_URL: "abc", PUBLIC_URL: "viva", SUPABASE_SECRET_KEYS: "{}" }).length, 3);
});

Deno.test("somebody acts where their token says if they belong there, else where they chose, else in their own tenant", () => {
  const membership = (tenant: string, kind: "personal" | "organisation", name: string) => ({
    tenant,
    name,
    kind,
    role: "member" as const,
  });
  const standing: Standing = {
    user: { id: "u" },
    default_tenant: "b",
    memberships: [
      membership("a", "personal", "Acme"),
      membership("b", "organisation", "Bee"),
      membership("c", "organisation", "Acme"),
    ],
  };
  const tenant = (named?: string, chosen: string | null = "b") =>
    acting({ ...standing, default_tenant: chosen }, named)?.tenant;
  assert.deepEqual([tenant("a"), tenant("Acme"), tenant("nowhere"), tenant()], ["a", "c", "b", "b"]);
  assert.deepEqual([tenant(undefined, null), tenant("nowhere", "gone")], ["a", "a"]);
  assert.equal(acting({ ...standing, memberships: [] }, "a"), undefined);
});
