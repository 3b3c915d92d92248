import { strict as assert } from "node:assert";
import {
  ask,
  environment,
  interview,
  organisation,
  record,
  refused,
  rpc,
  type Someone,
  someone,
  token,
  told,
} from "../_shared/fixture.ts";
import { refusals } from "../_shared/refusals.ts";
import { makeHandler } from "./handler.ts";

const handler = makeHandler(environment());
const someSession = "0193f5d0-0000-7000-8000-000000000001";

Deno.test("what every function refuses", async (t) => {
  await refusals(t, handler, { session_id: someSession, entries: [{ item_id: "item_1" }] }, 1024 * 1024);
});

function turn(item: string, text: string) {
  const entry = {
    call: 1,
    item,
    content_index: 0,
    speaker: "ai",
    state: "final",
    origin: "reply",
    stage: "welcome",
    spoken_at: 1,
  };
  return { kind: "turn", entry, text };
}

function said(item: string, seq: number | null, n: number) {
  const row = { call: 1, item, part: 0, first_n: n, after: null, speaker: "ai", truncated: false, disputed: false };
  const settled = {
    state: "final",
    n,
    seq,
    position: seq,
    stage: "welcome",
    source: "sideband",
    spoken_at: 1,
    text: "Hi",
  };
  return { ...row, ...(seq === null ? { state: "open", n: null, seq: null, position: null } : settled) };
}

/** Two turns in the readable tables, one that is only open, and one in the journal alone. */
async function begun(person: Someone, tenant = person.tenant): Promise<string> {
  return (await begunWithHead(person, tenant)).session;
}

async function begunWithHead(person: Someone, tenant = person.tenant): Promise<{ session: string; hash: string }> {
  const session = await interview(person, tenant);
  const opened = { kind: "opened", entry: { call: 1, item: "item_3", speaker: "candidate" } };
  const records = [turn("item_1", "Hi"), turn("item_2", "Who are you?"), opened, turn("item_4", "Go on.")];
  const state = {
    projected_n: 3,
    status: "in_progress",
    webrtc_status: "connected",
    webrtc_call: 1,
    skipped_stages: [],
    forced_transitions: 0,
    started_at: Date.now(),
    agent_turns: 2,
    candidate_turns: 0,
  };
  const projection = {
    from: 0,
    said: [said("item_1", 1, 1), said("item_2", 2, 2), said("item_3", null, 3)],
    moved: [],
    stages: [],
    state,
  };
  const hash = await record({ session, tenant, records, projection });
  return { session, hash };
}

/** A machine that has an interview's call, once the function asks it for something: what it was asked, answered so. */
async function owner(session: string, tenant: string, answer: (turns: object[], epoch: number) => Promise<string>) {
  const machine = { owner: `machine of ${session}`, boot: crypto.randomUUID() };
  const { epoch } = await rpc<{ epoch: number }>("own", { tenant, session, ms: 8_000, ...machine });
  const looked = async () => {
    for (;;) {
      const [asked] = await rpc<{ wish: { id: string; what: string; turns: object[] } }[]>("wishes", machine);
      if (asked === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      const { id, what, turns } = asked.wish;
      assert.equal(what, "report");
      const outcome = await answer(turns, epoch);
      await rpc("grant_wish", { session, ...machine, outcome: { id, outcome } });
      return turns;
    }
  };
  return { looked };
}

Deno.test("turns are on the record or they are pending, and without a running call nothing is written", async () => {
  const ada = await someone();
  const session_id = await begun(ada);
  const before = await rpc("journal", { tenant: ada.tenant, session: session_id, after_n: 0 });
  const entries = ["item_1", "item_3", "item_4", "made_up", "item_1"].map((item_id) => ({
    item_id,
    speaker: "user",
    text: "my own words",
    timestamp: "2026-11-21T10:00:00Z",
  }));
  const answer = await told(await ask(handler, ada.token, { session_id, tenant_id: "anything", entries }), 200);
  assert.deepEqual(answer, {
    success: true,
    session_id,
    status: "in_progress",
    recorded_by: "service",
    saved_count: 2,
    pending: ["item_3", "made_up"],
    last_seq: 3,
  });
  assert.deepEqual(await rpc("journal", { tenant: ada.tenant, session: session_id, after_n: 0 }), before);
});

Deno.test("one entry may stand in the body itself, and a part is not another", async () => {
  const ada = await someone();
  const session_id = await begun(ada);
  const one = async (entry: object) =>
    (await told(await ask(handler, ada.token, { session_id, ...entry }), 200)).saved_count;
  assert.equal(await one({ item_id: "item_2" }), 1);
  assert.equal(await one({ item_id: "item_2", content_index: 1 }), 0);
});

Deno.test("before an interview has begun everything is pending", async () => {
  const ada = await someone();
  const answer = await told(
    await ask(handler, ada.token, { session_id: await interview(ada), item_id: "item_1" }),
    200,
  );
  assert.deepEqual([answer.status, answer.saved_count, answer.pending, answer.last_seq], [
    "scheduled",
    0,
    ["item_1"],
    0,
  ]);
});

Deno.test("an interview is there for its person and the tenant's staff, and for nobody else", async () => {
  const [ada, admin, interviewer, member, bob] = await Promise.all([1, 2, 3, 4, 5].map(() => someone()));
  const tenant = await organisation([[ada!, "candidate"], [admin!, "admin"], [interviewer!, "interviewer"], [
    member!,
    "member",
  ]]);
  await organisation([[bob!, "admin"]]);
  const body = { session_id: await begun(ada!, tenant), tenant_id: tenant, item_id: "item_1" };
  for (const person of [ada!, admin!, interviewer!]) await told(await ask(handler, person.token, body), 200);
  for (const person of [member!, bob!]) await refused(await ask(handler, person.token, body), 404, "NOT_FOUND");
  await refused(await ask(handler, await token("auth0|never|seen"), body), 404, "NOT_FOUND");
});

Deno.test("entries are checked one by one", async () => {
  const ada = await someone();
  const session_id = await begun(ada);
  const bad = [
    {},
    { entries: [] },
    { entries: "item_1" },
    { entries: Array(51).fill({ item_id: "item_1" }) },
    { entries: [{ item_id: "item_1" }, null] },
    { entries: [{ item_id: "item_1" }, {}] },
    { entries: [{ item_id: "" }] },
    { entries: [{ item_id: 7 }] },
    { entries: [{ item_id: "a\0" }] },
    { entries: [{ item_id: "x".repeat(257) }] },
    { entries: [{ item_id: "item_1", content_index: -1 }] },
    { entries: [{ item_id: "item_1", content_index: "0" }] },
    { entries: [{ item_id: "item_1", speaker: "god" }] },
    { entries: [{ item_id: "item_1", text: "a\0b" }] },
    { entries: [{ item_id: "item_1", text: "ä".repeat(8193) }] },
  ];
  for (const body of bad) {
    await refused(await ask(handler, ada.token, { session_id, ...body }), 422, "VALIDATION_FAILED");
  }
  const most = { session_id, entries: Array(50).fill({ item_id: "item_1", text: "x".repeat(16 * 1024) }) };
  assert.equal((await told(await ask(handler, ada.token, most), 200)).saved_count, 1);
  const names = { session_id, entries: [{ item_id: "toString" }, { item_id: "😀".repeat(128) }] };
  assert.equal((await told(await ask(handler, ada.token, names), 200)).saved_count, 0);
});

Deno.test("turns of a running call go to whoever has it, once, and are told as what came of them", async () => {
  const ada = await someone();
  const { session: session_id, hash } = await begunWithHead(ada);
  const entries = [
    { item_id: "item_1", speaker: "agent", text: "Hi" },
    { item_id: "item_5", speaker: "user", text: "I build bridges." },
    { item_id: "item_6", speaker: "agent", text: "Which?" },
    { item_id: "item_7", speaker: "system", text: "not a turn" },
    { item_id: "item_8", speaker: "user" },
  ];
  const { looked } = await owner(session_id, ada.tenant, async (_turns, epoch) => {
    // The machine counts one of them; of the other it knows better.
    await record({
      session: session_id,
      tenant: ada.tenant,
      records: [turn("item_5", "I build bridges.")],
      after: { n: 4, hash },
      epoch,
    });
    return "done";
  });
  const [answer, turns] = await Promise.all([
    ask(handler, ada.token, { session_id, entries }).then((response) => told(response, 200)),
    looked(),
  ]);
  assert.deepEqual(turns, [
    { item_id: "item_5", content_index: 0, speaker: "candidate", text: "I build bridges." },
    { item_id: "item_6", content_index: 0, speaker: "ai", text: "Which?" },
  ]);
  assert.deepEqual([answer.saved_count, answer.pending, answer.last_seq], [2, ["item_6", "item_7", "item_8"], 4]);
});

Deno.test("nobody else's words are told, and who does not take them is told so", async () => {
  const [ada, admin] = await Promise.all([someone(), someone()]);
  const tenant = await organisation([[ada, "candidate"], [admin, "admin"]]);
  const session_id = await begun(ada, tenant);
  const body = { session_id, entries: [{ item_id: "item_9", speaker: "user", text: "never said" }] };
  const { looked } = await owner(session_id, tenant, () => Promise.resolve("not_live"));
  const staff = await told(await ask(handler, admin.token, body), 200);
  assert.deepEqual(staff.pending, ["item_9"]);
  const [answer] = await Promise.all([ask(handler, ada.token, body).then((response) => told(response, 200)), looked()]);
  assert.deepEqual(answer.pending, ["item_9"], "the one whom the machine was asked for");
});
