/** @file What the page can tell a server that was killed, and up to where it was told itself. */

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Progress } from "../../../public/js/call/progress.js";
import { Ring } from "../../../public/js/call/ring.js";

const bytes = (/** @type {unknown} */ value) => new TextEncoder().encode(JSON.stringify(value)).length;

describe("the ring", () => {
  /** @type {Ring} */
  let ring;
  const committed = (/** @type {number} */ index, note = "") => ({ type: "input_audio_buffer.committed", item_id: `u${index}`, note });
  const items = (since = 0) => ring.replay({ type: "replay", id: "r1", since }).flatMap(({ events }) => events.map((/** @type {any} */ { item_id }) => item_id));

  beforeEach(() => {
    ring = new Ring();
  });

  it("holds what makes turns, without sound, and nothing that streams", () => {
    ring.add({ type: "response.output_audio_transcript.delta", delta: "Go" }, 1);
    ring.add({ type: "response.output_audio.delta", delta: "AAAA" }, 1);
    ring.add({ type: "session.updated", session: {} }, 1);
    ring.add({ type: "conversation.item.done", item: { id: "u1", content: [{ type: "input_audio", audio: "AAAA", transcript: "hi" }] } }, 1);
    const [{ type, id, events, last }] = ring.replay({ type: "replay", id: "r1", since: 0 });
    assert.deepEqual([type, id, last], ["replayed", "r1", true]);
    assert.deepEqual(events, [{ type: "conversation.item.done", item: { id: "u1", content: [{ type: "input_audio", transcript: "hi" }] } }]);
  });

  it("gives what came since, oldest first, with some slack between two clocks", () => {
    for (let index = 0; index < 10; index += 1) ring.add(committed(index), index * 10_000);
    assert.deepEqual(items(70_000), ["u7", "u8", "u9"]);
    assert.deepEqual(items(72_000), ["u7", "u8", "u9"]);
    assert.deepEqual(items(74_000), ["u8", "u9"]);
  });

  it("answers also when it holds nothing", () => {
    assert.deepEqual(ring.replay({ type: "replay", id: "r2", since: 5 }), [{ type: "replayed", id: "r2", events: [], last: true }]);
  });

  it("is bounded by number and by size, and loses the oldest", () => {
    for (let index = 0; index < 250; index += 1) ring.add(committed(index), index);
    assert.deepEqual([items().length, items()[0]], [200, "u50"]);
    for (let index = 250; index < 260; index += 1) ring.add(committed(index, "ы".repeat(20_000)), index);
    const held = ring.replay({ type: "replay", id: "r1", since: 0 }).flatMap(({ events }) => events);
    assert.ok(bytes(held) <= 256 * 1024 + held.length, `${bytes(held)} bytes`);
    assert.equal(held.at(-1).item_id, "u259");
    ring.add(committed(999, "x".repeat(100_000)), 300);
    assert.ok(!items().includes("u999"), "no frame could carry it");
  });

  it("fits each message into a frame, and marks the last", () => {
    for (let index = 0; index < 6; index += 1) ring.add(committed(index, "ы".repeat(20_000)), index);
    const messages = ring.replay({ type: "replay", id: "r1", since: 0 });
    assert.ok(messages.length > 1);
    for (const message of messages) assert.ok(bytes(message) < 100 * 1024, `${bytes(message)} bytes`);
    assert.deepEqual(messages.map(({ last }) => last), messages.map((_, index) => index === messages.length - 1));
    assert.deepEqual(items(), ["u0", "u1", "u2", "u3", "u4", "u5"]);
  });
});

describe("progress", () => {
  /** @type {Progress} */
  let progress;
  const caption = (/** @type {number | undefined} */ n, final = true) => ({ type: "agent_caption", n, final });

  beforeEach(() => {
    progress = new Progress();
    progress.joined(false);
  });

  it("follows final captions, stage changes and what is saved, and never goes back", () => {
    progress.take(caption(3));
    progress.take({ type: "stage_change", n: 5 });
    progress.take({ type: "user_caption", n: 4, final: true });
    assert.equal(progress.n, 5);
    progress.take({ type: "saved", upTo: 6 });
    progress.take({ type: "transcript_acknowledged", n: 9 });
    progress.take(caption(8, false));
    progress.take(caption(undefined));
    assert.equal(progress.n, 6);
  });

  it("does not jump over what is still missing", () => {
    progress.take(caption(3));
    progress.joined(true);
    progress.take({ type: "missed", messages: [caption(4), caption(5)], last: false });
    progress.take(caption(9));
    assert.equal(progress.n, 5, "6 to 8 have not come: after another loss they must be asked for");
    progress.joined(true);
    progress.take({ type: "missed", messages: [caption(6), caption(9)], last: true });
    progress.take(caption(10));
    assert.equal(progress.n, 10);
  });

  it("counts what came meanwhile once nothing is missing any more", () => {
    progress.joined(true);
    progress.take(caption(9));
    progress.take({ type: "missed", messages: [], last: true });
    assert.equal(progress.n, 9);
  });
});
