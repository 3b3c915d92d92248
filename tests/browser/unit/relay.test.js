/** @file What the page reports while the server cannot hear the model itself. */

import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";
import { Relay, isRelayed, withoutAudio } from "../../../public/js/call/relay.js";

const committed = (/** @type {string} */ id) => ({ type: "input_audio_buffer.committed", item_id: id, previous_item_id: null });
const delta = (/** @type {string} */ text, item = "a") => ({ type: "response.output_audio_transcript.delta", item_id: item, content_index: 0, delta: text });

describe("the relay", () => {
  /** @type {any[]} */
  let sent;
  let up = true;
  let now = 0;
  const tick = (/** @type {number} */ ms) => {
    now += ms;
    mock.timers.tick(ms);
  };
  /** @type {Relay} */
  let relay;
  const seqs = () => sent.map(({ seq }) => seq);

  beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    mock.restoreAll();
    now = 0;
    mock.method(performance, "now", () => now);
    sent = [];
    up = true;
    relay = new Relay((message) => {
      if (up) sent.push(message);
      return up;
    });
  });

  it("says nothing while the server records by itself", () => {
    relay.setControl("sideband");
    relay.offer(committed("u1"));
    assert.deepEqual(sent, []);
    assert.equal(relay.unacknowledged, 0);
  });

  it("keeps what passes until it is known who records, then reports it in order", () => {
    relay.offer(committed("u1"));
    relay.offer(committed("u2"));
    assert.equal(sent.length, 0);
    relay.setControl("relay");
    assert.deepEqual(sent.map(({ seq, event }) => [seq, event.item_id]), [[1, "u1"], [2, "u2"]]);
  });

  it("drops what was kept when the server has heard it", () => {
    relay.offer(committed("u1"));
    relay.setControl("sideband");
    relay.setControl("relay");
    assert.deepEqual(sent, []);
  });

  it("resends after a loss exactly what was not acknowledged", () => {
    relay.setControl("relay");
    for (const id of ["u1", "u2", "u3"]) relay.offer(committed(id));
    relay.acknowledge(1);
    sent.length = 0;
    relay.resume(2);
    assert.deepEqual(seqs(), [3]);
  });

  it("goes on from the server's number when it joins late", () => {
    relay.setControl("relay");
    relay.resume(41);
    relay.offer(committed("u1"));
    assert.deepEqual(seqs(), [42]);
  });

  it("keeps events while the line is down", () => {
    relay.setControl("relay");
    up = false;
    relay.offer(committed("u1"));
    up = true;
    relay.resume(0);
    assert.deepEqual(seqs(), [1]);
  });

  it("names the call, also of what is told again after a switch", () => {
    relay.setControl("relay");
    relay.offer(committed("u1"), "old");
    relay.offer(delta("last"), "old");
    relay.offer(delta("first"), "new");
    relay.offer(committed("u2"), "new");
    relay.resume(0);
    assert.deepEqual(sent.map(({ callId, event }) => [callId, event.item_id ?? event.delta]).slice(-2), [["old", "u1"], ["new", "u2"]]);
    assert.equal(sent.filter(({ event }) => event.delta === "lastfirst").length, 0, "words of two calls are not joined");
  });

  it("tells a long absence in order and below the socket's rate", () => {
    relay.setControl("relay");
    up = false;
    for (let index = 1; index <= 100; index += 1) relay.offer(committed(`u${index}`));
    up = true;
    relay.resume(0);
    const burst = sent.length;
    assert.ok(burst <= 30, `${burst} at once`);
    relay.offer(committed("u101"));
    for (let second = 0; second < 6; second += 1) {
      const before = sent.length;
      for (let part = 0; part < 4; part += 1) tick(250);
      assert.ok(sent.length - before <= 16, `${sent.length - before} in a second`);
    }
    assert.deepEqual(seqs(), Array.from({ length: 101 }, (_, index) => index + 1));
  });

  it("goes on with what the server still lacks after it was restarted", () => {
    relay.setControl("relay");
    for (const id of ["u1", "u2", "u3"]) relay.offer(committed(id));
    relay.acknowledge(2);
    sent.length = 0;
    relay.resume(0);
    assert.deepEqual([seqs(), relay.acknowledged], [[3], 2]);
  });

  it("joins streaming words, and never across items or other events", () => {
    relay.setControl("relay");
    for (const event of [delta("Good"), delta(" mor"), delta("ning"), delta("Next", "b"), committed("u1")]) relay.offer(event);
    assert.deepEqual(sent.map(({ event }) => event.delta ?? event.type), ["Good morning", "Next", "input_audio_buffer.committed"]);
    relay.offer(delta("late"));
    tick(200);
    assert.equal(sent.at(-1).event.delta, "late");
  });

  it("is bounded, gives up streaming words first, and counts what is lost", () => {
    relay.setControl("relay");
    const long = "x".repeat(60_000);
    relay.offer(delta(long));
    for (const id of ["u1", "u2", "u3", "u4"]) relay.offer({ ...committed(id), note: long });
    assert.equal(relay.dropped, 0, "the words come again in the final event");
    relay.offer({ ...committed("u5"), note: long });
    assert.equal(relay.dropped, 1);
    assert.equal(relay.unacknowledged, 4);
    relay.offer({ ...committed("u6"), note: "x".repeat(100_000) });
    assert.equal(relay.dropped, 2, "one event too large for a frame");
  });
});

it("passes on what links and replies need, and nothing else", () => {
  for (const type of [
    "input_audio_buffer.committed",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.retrieved",
    "response.done",
    "output_audio_buffer.cleared",
    "session.updated",
    "error",
  ]) {
    assert.ok(isRelayed(type), type);
  }
  for (const type of ["response.output_audio.delta", "rate_limits.updated", "conversation.created", "response.content_part.added", "errors"]) {
    assert.ok(!isRelayed(type), type);
  }
});

it("takes sound and padding out of an event, and leaves settings named audio", () => {
  const event = {
    type: "conversation.item.retrieved",
    item: { content: [{ type: "input_audio", audio: "UklGRg==", transcript: "hello" }] },
    session: { audio: { input: { turn_detection: null } } },
    obfuscation: "abc",
  };
  assert.deepEqual(withoutAudio(event), {
    type: "conversation.item.retrieved",
    item: { content: [{ type: "input_audio", transcript: "hello" }] },
    session: { audio: { input: { turn_detection: null } } },
  });
  assert.ok("audio" in event.item.content[0], "the event itself is untouched");
});
