import { strict as assert } from "node:assert";
import { ask, environment, interview, organisation, record, refused, someone, told } from "../_shared/fixture.ts";
import { refusals } from "../_shared/refusals.ts";
import { makeHandler } from "./handler.ts";

const handler = makeHandler(environment());
const BEGAN = Date.UTC(2026, 10, 20, 10, 0, 0);

Deno.test("what every function refuses", async (t) => {
  await refusals(t, handler, { session_id: crypto.randomUUID() }, 16 * 1024);
});

Deno.test("an interview without turns has empty lists", async () => {
  const ada = await someone();
  const id = await interview(ada);
  const read = await told(await ask(handler, ada.token, { session_id: id, tenant_id: 7 }), 200);
  assert.deepEqual([read.success, read.stages, read.turns, read.ordered_conversation], [true, [], [], []]);
  assert.deepEqual(read.meta, {
    session_id: id,
    plan: "short",
    status: "scheduled",
    candidate_name: "Robin",
    job_role: null,
    language: "en",
    model: "a-model",
    simulation: true,
    created_at: read.meta.created_at,
    started_at: null,
    ended_at: null,
    ended_by: null,
    final_stage: null,
    skipped_stages: [],
    forced_transitions: 0,
    control: null,
    head: "0".repeat(64),
    stage_labels: [{ name: "welcome", label: "Welcome" }, { name: "closing", label: "Bye" }],
    candidate: "Robin",
    interview_date: null,
    total_messages: 0,
  });
});

Deno.test("turns stand in the order of the conversation, with what the journal alone has on top", async () => {
  const ada = await someone();
  const id = await interview(ada);
  const shared = { call: 1, content_index: 0, stage: "welcome", origin: "reply" };
  const turn = (item: string, speaker: string, text: string, spoken_at: number) => (
    { kind: "turn", entry: { ...shared, item, speaker, state: "final", spoken_at }, text }
  );
  const start = { to: "welcome", reason: "start", questions_asked: 0, in_stage_ms: 0, at: BEGAN };
  const records = [
    { kind: "stage", entry: start },
    turn("item_2", "candidate", "I am Robin.", BEGAN + 4000),
    turn("item_1", "ai", "Who are you?", BEGAN + 1000),
    // From here on nothing was projected.
    {
      kind: "revised",
      entry: {
        ...shared,
        item: "item_2",
        speaker: "candidate",
        state: "interrupted",
        audio_end_ms: 900,
        spoken_at: BEGAN + 4000,
      },
    },
    turn("item_3", "ai", "Thank you.", BEGAN + 9000),
    {
      kind: "stage",
      entry: {
        from: "welcome",
        to: "closing",
        reason: "forced",
        questions_asked: 1,
        in_stage_ms: 12500,
        skipped: ["welcome"],
        at: BEGAN + 12500,
      },
    },
    {
      kind: "stage",
      entry: {
        from: "closing",
        to: "closing",
        reason: "ended",
        questions_asked: 0,
        in_stage_ms: 500,
        ended_by: "user_end",
        at: BEGAN + 13000,
      },
    },
  ];
  const row = (item: string, n: number, position: number, speaker: string, text: string) => ({
    call: 1,
    item,
    part: 0,
    first_n: n,
    after: null,
    speaker,
    state: "final",
    n,
    seq: n - 1,
    position,
    stage: "welcome",
    source: "sideband",
    duration_ms: 1500,
    truncated: false,
    disputed: false,
    spoken_at: BEGAN + 1000 * n,
    text,
  });
  const projection = {
    from: 0,
    said: [row("item_2", 2, 2, "candidate", "I am Robin."), row("item_1", 3, 1, "ai", "Who are you?")],
    moved: [],
    stages: [{ n: 1, from: null, ...start }],
    state: {
      projected_n: 3,
      status: "in_progress",
      webrtc_status: "connected",
      webrtc_call: 1,
      stage: "welcome",
      skipped_stages: [],
      forced_transitions: 0,
      control: "sideband",
      started_at: BEGAN,
      agent_turns: 1,
      candidate_turns: 1,
    },
  };
  const head = await record({ session: id, tenant: ada.tenant, records, projection });

  const read = await told(await ask(handler, ada.token, { session_id: id }), 200);
  assert.deepEqual(
    read.turns.map((turn: Record<string, unknown>) => [turn.position, turn.item_id, turn.seq, turn.state, turn.text]),
    [
      [1, "item_1", 2, "final", "Who are you?"],
      [2, "item_2", 1, "interrupted", "I am Robin."],
      [3, "item_3", 3, "final", "Thank you."],
    ],
  );
  assert.deepEqual(read.turns[0], {
    n: 3,
    seq: 2,
    position: 1,
    item_id: "item_1",
    content_index: 0,
    speaker: "ai",
    text: "Who are you?",
    stage: "welcome",
    state: "final",
    source: "sideband",
    start_ms: null,
    duration_ms: 1500,
    audio_end_ms: null,
    truncated: false,
    disputed: false,
    spoken_at: "2026-11-20T10:00:03.000Z",
  });
  assert.equal(read.turns[1].audio_end_ms, 900);
  assert.deepEqual(read.ordered_conversation[1], {
    role: "user",
    text: "I am Robin.",
    timestamp: "2026-11-20T10:00:04.000Z",
    stage: "welcome",
  });
  assert.deepEqual(
    read.stages.map((
      { n, from, to, reason, seconds_in_stage }: Record<string, unknown>,
    ) => [n, from, to, reason, seconds_in_stage]),
    [
      [1, null, "welcome", "start", 0],
      [2, "welcome", "closing", "forced", 12.5],
      [3, "closing", "closing", "ended", 0.5],
    ],
  );
  const { status, ended_by, final_stage, skipped_stages, forced_transitions, started_at, ended_at, total_messages } =
    read.meta;
  assert.deepEqual([status, ended_by, final_stage, skipped_stages, forced_transitions], [
    "completed",
    "user_end",
    "closing",
    ["welcome"],
    1,
  ]);
  assert.deepEqual([started_at, ended_at, total_messages, read.meta.head], [
    "2026-11-20T10:00:00.000Z",
    "2026-11-20T10:00:13.000Z",
    3,
    head,
  ]);
});

Deno.test("somebody else's interview is not there", async () => {
  const [ada, admin, member, bob] = await Promise.all([1, 2, 3, 4].map(() => someone()));
  const tenant = await organisation([[ada!, "candidate"], [admin!, "admin"], [member!, "member"]]);
  const body = { session_id: await interview(ada!, tenant), tenant_id: tenant };
  for (const person of [ada!, admin!]) await told(await ask(handler, person.token, body), 200);
  for (const person of [member!, bob!]) await refused(await ask(handler, person.token, body), 404, "NOT_FOUND");
});
