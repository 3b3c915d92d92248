/** @file Calls of the past, in words. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { duration, endingOf, lengthOf, marksOf, nameOf, progressOf, stagesOf, statusOf } from "../../../public/js/call-words.js";

const stages = ["welcome", "about", "role", "closing"].map((name) => ({ name, label: name.toUpperCase(), limitSeconds: 60, minQuestions: 1 }));
/** @param {Partial<import("../../../public/js/types.js").Session>} over @returns {import("../../../public/js/types.js").Session} */
const session = (over) => ({ id: "x", status: "in_progress", stages, started_at: "2026-11-21T10:00:00Z", ...over });

describe("a call", () => {
  it("is under way while it is live, and not finished when nobody is on the line", () => {
    assert.deepEqual(statusOf(session({ live: true })), { word: "Under way", mood: "good" });
    assert.deepEqual(statusOf(session({ live: false })), { word: "Not finished", mood: "fair" });
    assert.equal(statusOf(session({ status: "completed" })).mood, "good");
    assert.equal(statusOf(session({ status: "failed" })).mood, "bad");
  });

  it("has a name from what is known of it", () => {
    assert.equal(nameOf(session({})), "Interview");
    assert.equal(nameOf(session({ candidate_name: "Ada" })), "Ada");
    assert.equal(nameOf(session({ job_role: "Engineer", candidate_name: "Ada" })), "Engineer: Ada");
    assert.equal(nameOf(session({ title: "Round two", job_role: "Engineer" })), "Round two");
  });

  it("has a length when it began and ended", () => {
    assert.equal(lengthOf(session({ ended_at: "2026-11-21T10:11:20Z" })), "11 min 20 s");
    assert.equal(lengthOf(session({})), "");
    assert.equal(lengthOf(session({ started_at: null, ended_at: "2026-11-21T10:11:20Z" })), "");
    assert.deepEqual([duration(59.6), duration(0.2), duration(-4)], ["1 min 0 s", "0 s", "0 s"]);
  });

  it("ended in some way, also in one that is not known yet", () => {
    assert.equal(endingOf("natural_completion"), "came to its end");
    assert.equal(endingOf("meteor"), "ended (meteor)");
    assert.equal(endingOf(null), "");
  });
});

describe("the stages of a call", () => {
  const states = (/** @type {Partial<import("../../../public/js/types.js").Session>} */ over) => stagesOf(session(over)).map(({ state }) => state);

  it("are done, skipped, here and ahead", () => {
    assert.deepEqual(states({ stage: "role", skipped_stages: ["about"] }), ["done", "skipped", "here", "ahead"]);
    assert.deepEqual(states({ stage: "welcome" }), ["here", "ahead", "ahead", "ahead"]);
  });

  it("are all ahead before it begins, and all done after its natural end", () => {
    assert.deepEqual(states({ started_at: null, stage: "welcome" }), ["ahead", "ahead", "ahead", "ahead"]);
    assert.deepEqual(states({ status: "completed", stage: "closing" }), ["done", "done", "done", "done"]);
  });

  it("say how far it came when it ended early", () => {
    assert.equal(progressOf(session({ status: "completed", stage: "about" })), "Stage 2 of 4: ABOUT");
    assert.equal(progressOf(session({ status: "completed", stage: "closing", skipped_stages: ["role"] })), "3 of 4 stages");
    assert.equal(progressOf(session({ started_at: null })), "4 stages");
  });
});

it("a turn says whose word it is", () => {
  const turn = (/** @type {Partial<import("../../../public/js/types.js").StoredTurn>} */ over) =>
    marksOf({ n: 1, item_id: "i", speaker: "ai", text: "x", state: "final", source: "sideband", ...over }).map(({ mark }) => mark);
  assert.deepEqual(turn({}), ["sideband"]);
  assert.deepEqual(turn({ source: "client" }), ["client"]);
  assert.deepEqual(turn({ source: "client", disputed: true }), ["disputed"]);
  assert.deepEqual(turn({ state: "interrupted", truncated: true }), ["sideband", "interrupted", "truncated"]);
});
