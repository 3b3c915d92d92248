/** @file The conversation as the page sees it: turns, floor, and the comparison with the record. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compare } from "../../../public/js/call/compare.js";
import { floorAfter } from "../../../public/js/call/floor.js";
import { Seen } from "../../../public/js/call/seen.js";

const TRANSCRIPTION = "conversation.item.input_audio_transcription";

describe("what was seen", () => {
  it("stands in the order in which turns began, although words come late", () => {
    const seen = new Seen();
    seen.observe({ type: "input_audio_buffer.speech_started", item_id: "u1" });
    seen.observe({ type: "conversation.item.added", item: { type: "message", role: "assistant", id: "a1" } });
    seen.observe({ type: "response.output_audio_transcript.delta", item_id: "a1", delta: "And" });
    seen.observe({ type: "response.output_audio_transcript.done", item_id: "a1", transcript: "And why?" });
    seen.observe({ type: `${TRANSCRIPTION}.delta`, item_id: "u1", delta: " Because" });
    seen.observe({ type: `${TRANSCRIPTION}.completed`, item_id: "u1", transcript: "Because." });
    assert.deepEqual(
      seen.turns.map(({ itemId, speaker, text, final }) => [itemId, speaker, text, final]),
      [["u1", "candidate", "Because.", true], ["a1", "ai", "And why?", true]],
    );
  });

  it("makes turns of fragments by who speaks and how long they pause", () => {
    const seen = new Seen();
    const said = (/** @type {string} */ side, /** @type {number} */ start, /** @type {number} */ end, /** @type {string} */ delta) =>
      seen.observe({ type: `session.${side}_transcript.delta`, start_ms: start, end_ms: end, delta });
    said("output", 0, 900, "Who are");
    said("output", 900, 1_500, " you?");
    said("input", 2_000, 2_600, "I am");
    said("input", 3_700, 4_000, " Ada.");
    said("output", 4_500, 5_000, "Thank you.");
    said("input", 9_000, 9_500, " ");
    seen.observe({ type: "session.input_transcript.delta", delta: "nowhere" });
    assert.deepEqual(
      seen.turns.map(({ itemId, text, final }) => [itemId, text, final]),
      [["span-ai-0", "Who are you?", true], ["span-candidate-2000", "I am Ada.", true], ["span-ai-4500", "Thank you.", false]],
    );
  });

  it("replaces streamed words by the final ones, and keeps words that failed", () => {
    const seen = new Seen();
    seen.observe({ type: `${TRANSCRIPTION}.delta`, item_id: "u1", delta: " Helo" });
    seen.observe({ type: `${TRANSCRIPTION}.failed`, item_id: "u1" });
    assert.deepEqual(seen.turns.map(({ text, final }) => [text, final]), [[" Helo", true]]);
    seen.observe({ type: `${TRANSCRIPTION}.completed`, item_id: "u1", transcript: "Hello" });
    assert.equal(seen.turns[0].text, "Hello");
  });

  it("marks an interrupted turn and leaves its text", () => {
    const seen = new Seen();
    seen.observe({ type: "response.output_audio_transcript.done", item_id: "a1", transcript: "A long question" });
    seen.observe({ type: "conversation.item.truncated", item_id: "a1", audio_end_ms: 900 });
    assert.deepEqual([seen.turns[0].interrupted, seen.turns[0].text], [true, "A long question"]);
  });

  it("ignores what is no turn", () => {
    const seen = new Seen();
    for (const event of [
      { type: "conversation.item.added", item: { type: "function_call", id: "f1" } },
      { type: "conversation.item.added", item: { type: "message", role: "system", id: "s1" } },
      { type: "conversation.item.truncated", item_id: "unknown" },
      { type: "response.output_audio_transcript.delta", delta: "no item" },
      { type: "something.new" },
    ]) {
      assert.equal(seen.observe(event), null, event.type);
    }
    assert.deepEqual(seen.turns, []);
  });
});

describe("the floor", () => {
  /** @param {...string} types */
  const after = (...types) => {
    /** @type {import("../../../public/js/call/floor.js").Floor} */
    let floor = "quiet";
    for (const type of types) floor = floorAfter(floor, { type });
    return floor;
  };

  it("goes from interviewer to candidate and back", () => {
    assert.equal(after("output_audio_buffer.started"), "interviewer");
    assert.equal(after("output_audio_buffer.started", "output_audio_buffer.stopped"), "quiet");
    assert.equal(after("input_audio_buffer.speech_started"), "you");
    assert.equal(after("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"), "thinking");
  });

  it("goes to whoever is heard where nobody says who stops", () => {
    assert.equal(after("session.output_transcript.delta"), "interviewer");
    assert.equal(after("session.output_transcript.delta", "session.input_transcript.delta"), "you");
  });

  it("stays with a candidate who interrupted", () => {
    assert.equal(after("output_audio_buffer.started", "input_audio_buffer.speech_started", "output_audio_buffer.cleared"), "you");
  });
});

describe("the comparison with the record", () => {
  /** @param {string} itemId @param {string} text @returns {import("../../../public/js/types.js").SeenTurn} */
  const seen = (itemId, text) => ({ itemId, speaker: "ai", text, final: true, interrupted: false });
  /** @param {string} item_id @param {string} text @param {"ai" | "system"} [speaker] @returns {import("../../../public/js/types.js").StoredTurn} */
  const stored = (item_id, text, speaker = "ai") => ({ n: 1, item_id, speaker, text, state: "final", source: "sideband" });
  const verdicts = (/** @type {ReturnType<typeof compare>} */ { rows }) => rows.map(({ itemId, verdict }) => [itemId, verdict]);

  it("agrees when both hold the same words, whatever the spaces", () => {
    const found = compare([seen("a", "Hello  there"), seen("b", "Why?")], [stored("a", "Hello there "), stored("b", "Why?")]);
    assert.ok(found.agrees);
  });

  it("names each kind of difference", () => {
    const found = compare([seen("a", "one"), seen("b", "two")], [stored("a", "One!"), stored("c", "three")]);
    assert.deepEqual(verdicts(found), [["a", "different"], ["c", "not_seen"], ["b", "not_stored"]]);
    assert.ok(!found.agrees);
  });

  it("leaves out silence, system turns, and words that had not come", () => {
    const open = { ...seen("d", "half a"), final: false };
    const found = compare([seen("a", "one"), seen("b", " "), open], [stored("a", "one"), stored("b", ""), stored("s", "note", "system")]);
    assert.deepEqual(verdicts(found), [["a", "same"]]);
  });

  it("does not judge what the end cut off, on either side", () => {
    const open = { ...seen("b", "half a"), final: false };
    const found = compare([seen("a", "one"), open], [stored("a", "one"), stored("b", "half a sentence")]);
    assert.deepEqual(verdicts(found), [["a", "same"], ["b", "unfinished"]]);
    assert.ok(found.agrees);
  });

  it("does not call nothing an agreement", () => {
    assert.ok(!compare([], []).agrees);
    assert.ok(!compare([{ ...seen("a", "half"), final: false }], [stored("a", "half a")]).agrees);
  });
});
