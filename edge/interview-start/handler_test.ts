import { strict as assert } from "node:assert";
import {
  ask,
  environment,
  interview,
  organisation,
  PAGE,
  record,
  refused,
  rpc,
  someone,
  token,
  told,
} from "../_shared/fixture.ts";
import { refusals } from "../_shared/refusals.ts";
import { makeHandler } from "./handler.ts";

const consent = { version: "2026-11", locale: "en" };
const handler = makeHandler(environment());

/** The ticket's row, as the service finds it. */
async function ticketOf(value: string) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value)));
  return await rpc<{ tenant: string; session: string; policy: string } | null>("ticket", {
    hash: `\\x${digest.toHex()}`,
  });
}

Deno.test("what every function refuses", async (t) => {
  await refusals(t, handler, { consent }, 64 * 1024);
});

Deno.test("an interview is made in the caller's own tenant, whatever the body says", async () => {
  const ada = await someone();
  const bob = await someone();
  const body = { consent, tenant_id: bob.tenant, candidate_name: " Ada ", job_role: "Engineer", unknown: [1] };
  const made = await told(await ask(handler, ada.token, body), 201);
  assert.deepEqual([made.success, made.tenant_id, made.status, made.created], [true, ada.tenant, "scheduled", true]);
  assert.equal(made.ws_url, `wss://viva.example/ws?session=${made.session_id}`);
  assert.match(made.ticket.value, /^ek_viva_[A-Za-z0-9_-]{43}$/);
  const left = Date.parse(made.ticket.expires_at) - Date.now();
  assert.ok(left > 590_000 && left <= 600_000, `${left} ms`);

  const ticket = await ticketOf(made.ticket.value);
  assert.deepEqual(ticket && [ticket.tenant, ticket.session, ticket.policy], [ada.tenant, made.session_id, "locked"]);
  // deno-lint-ignore no-explicit-any
  const session = await rpc<any>("session", { tenant: ada.tenant, session: made.session_id });
  assert.deepEqual([session.user, session.candidate_name, session.plan], [ada.id, "Ada", "default"]);
  assert.equal(JSON.parse(session.stage_plan).stages.length, 5);
  assert.deepEqual([session.model, session.voice, session.simulation], ["gpt-realtime-2.1", "marin", false]);
});

Deno.test("somebody whom the service never saw is known from their first interview on", async () => {
  const sub = "auth0|" + crypto.randomUUID();
  const first = await told(await ask(handler, await token(sub), { consent }), 201);
  const second = await told(await ask(handler, await token(sub), { consent }), 201);
  assert.equal(first.tenant_id, second.tenant_id);
  assert.notEqual(first.session_id, second.session_id);
});

Deno.test("the legacy secret's tokens are as good", async () => {
  const sub = crypto.randomUUID();
  await told(await ask(handler, await token(sub, { sign: "legacy" }), { consent }), 201);
});

Deno.test("the tenant that the token names counts where the caller belongs, and nowhere else", async () => {
  const sub = crypto.randomUUID();
  const ada = await someone(sub);
  const [admin, stranger] = [await someone(), await someone()];
  const theirs = await organisation([[ada, "member"], [admin, "admin"]]);
  const foreign = await organisation([[stranger, "admin"]]);
  const inTenant = (tenant_id: string) => token(sub, { claims: { app_metadata: { tenant_id } } });
  const madeIn = async (tenant: string) =>
    (await told(await ask(handler, await inTenant(tenant), { consent }), 201)).tenant_id;
  assert.equal(await madeIn(theirs), theirs);
  assert.equal(await madeIn(foreign), ada.tenant);
  const ownWords = await token(sub, { claims: { user_metadata: { tenant_id: foreign, role: "admin" } } });
  assert.equal((await told(await ask(handler, ownWords, { consent }), 201)).tenant_id, ada.tenant);
});

Deno.test("a candidate of an organisation makes no interview there", async () => {
  const sub = crypto.randomUUID();
  const ada = await someone(sub);
  const tenant = await organisation([[ada, "candidate"]]);
  const there = await token(sub, { claims: { app_metadata: { tenant_id: tenant } } });
  await refused(await ask(handler, there, { consent }), 403, "FORBIDDEN");
});

Deno.test("the person of an interview gets another ticket for it", async () => {
  const ada = await someone();
  const id = await interview(ada);
  const body = { session_id: id.toUpperCase(), tenant_id: crypto.randomUUID(), consent };
  const made = await told(await ask(handler, ada.token, body, { origin: PAGE }), 201);
  assert.deepEqual([made.session_id, made.tenant_id, made.created], [id, ada.tenant, false]);
  assert.equal((await ticketOf(made.ticket.value))?.session, id);
});

Deno.test("nobody else does", async () => {
  const [ada, admin, bob] = [await someone(), await someone(), await someone()];
  const tenant = await organisation([[ada, "candidate"], [admin, "admin"]]);
  const body = { session_id: await interview(ada, tenant), consent };
  await told(await ask(handler, ada.token, body), 201);
  // Somebody of the tenant sees it and is not who is interviewed; for anybody else it is not there.
  await refused(await ask(handler, admin.token, body), 403, "FORBIDDEN");
  await refused(await ask(handler, bob.token, { ...body, tenant_id: tenant }), 404, "NOT_FOUND");
  await refused(await ask(handler, await token("auth0|never|seen"), body), 404, "NOT_FOUND");
});

Deno.test("there is no ticket without consent, nor for what is over", async () => {
  const ada = await someone();
  const id = await interview(ada);
  const code = async (body: unknown, status: number, code: string) => {
    await refused(await ask(handler, ada.token, body), status, code);
  };
  for (const body of [{}, { consent: null }, { session_id: id, tenant_id: ada.tenant }]) {
    await code(body, 422, "CONSENT_REQUIRED");
  }
  for (
    const bad of [{}, { version: "", locale: "en" }, { ...consent, text_hash: "x" }, "yes", {
      ...consent,
      version: "a\nb",
    }]
  ) {
    await code({ session_id: id, consent: bad }, 422, "VALIDATION_FAILED");
  }
  await record({
    session: id,
    tenant: ada.tenant,
    records: [{ kind: "gap", entry: {} }],
    projection: {
      from: 0,
      said: [],
      moved: [],
      stages: [],
      state: {
        projected_n: 1,
        status: "cancelled",
        webrtc_status: "pending",
        webrtc_call: 0,
        skipped_stages: [],
        forced_transitions: 0,
        ended_at: Date.now(),
        ended_by: "no_show",
        agent_turns: 0,
        candidate_turns: 0,
      },
    },
  });
  await code({ session_id: id, consent }, 409, "SESSION_ENDED");
});

Deno.test("fields are checked, and what is refused leaves nothing behind", async () => {
  const sub = crypto.randomUUID();
  const ada = await someone(sub);
  const bad: Record<string, unknown>[] = [
    { plan: "nothing" },
    { plan: "__proto__" },
    { plan: { name: "default" } },
    { candidate_name: "a\nb" },
    { candidate_name: "a\0b" },
    { candidate_name: "ä".repeat(121) },
    { job_role: 7 },
    { candidate_email: "robin" },
    { experience_level: "wizard" },
    { resume_text: "x".repeat(3001) },
    { job_description: "a\0" },
    { extra_instructions: "x".repeat(4001) },
    { language: "english" },
    { voice: "a b" },
    { include_profile: "no" },
  ];
  for (const fields of bad) {
    const [name] = Object.keys(fields);
    const detail = await refused(await ask(handler, ada.token, { consent, ...fields }), 422, "VALIDATION_FAILED", name);
    assert.ok(detail.includes(`\`${name}\``), detail);
  }
  assert.deepEqual(await rpc("sessions", { tenant: ada.tenant, limit: 10 }), []);
  const full = {
    consent,
    plan: "short",
    title: "Mock",
    candidate_name: "ä".repeat(120),
    candidate_email: "robin@example.org",
    job_role: "Engineer",
    experience_level: "senior",
    resume_text: "😀".repeat(3000),
    job_description: "x",
    include_profile: false,
    extra_instructions: "Be kind.\nPlease.",
    language: "pt-BR",
    voice: "cedar",
  };
  const made = await told(await ask(handler, ada.token, full), 201);
  // deno-lint-ignore no-explicit-any
  const { details, ...session } = await rpc<any>("session", { tenant: ada.tenant, session: made.session_id });
  assert.deepEqual([session.plan, session.language, session.voice], ["short", "pt-BR", "cedar"]);
  assert.deepEqual([details.profile, details.resume_text.length, details.experience_level], [
    "Withheld",
    6000,
    "senior",
  ]);
});

Deno.test("without keys or without a database nobody is blamed for it", async () => {
  const ada = await someone();
  const nowhere = "http://127.0.0.1:1";
  const noKeys = makeHandler({ ...environment(), issuer: `${nowhere}/auth/v1` });
  const foreignKeys = await token(crypto.randomUUID(), { claims: { iss: `${nowhere}/auth/v1` } });
  const response = await ask(noKeys, foreignKeys, { consent });
  assert.equal(response.headers.get("retry-after"), "2");
  await refused(response, 503, "AUTH_UNAVAILABLE");
  const noDatabase = makeHandler({ ...environment(), url: nowhere });
  await refused(await ask(noDatabase, ada.token, { consent }), 503, "DATABASE_UNAVAILABLE");
  const wrongKey = makeHandler({ ...environment(), secretKey: "sb_secret_wrong" });
  const detail = await refused(await ask(wrongKey, ada.token, { consent }), 500, "INTERNAL");
  assert.ok(!detail.includes("sb_secret"), detail);
});
