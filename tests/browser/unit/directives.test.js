/** @file What the server asks the page to say to the model. */

import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Directives } from "../../../public/js/call/directives.js";

describe("directives", () => {
  /** @type {string[]} */
  let written;
  let open = true;
  /** @type {Directives} */
  let directives;
  const message = (/** @type {number} */ epoch, /** @type {string[]} */ ...ids) => ({ epoch, events: ids.map((id) => ({ id, event: { type: id } })) });

  beforeEach(() => {
    written = [];
    open = true;
    directives = new Directives(({ type }) => {
      if (open) written.push(type);
      return open;
    });
  });

  it("are executed once each, in order", () => {
    directives.take(message(1, "a", "b"), "c1");
    directives.take(message(1, "b", "c"), "c1");
    assert.deepEqual(written, ["a", "b", "c"]);
  });

  it("of a past epoch are dropped", () => {
    directives.enter(2);
    assert.equal(directives.take(message(1, "old"), "c1"), 0);
    directives.take(message(2, "now"), "c1");
    directives.take(message(3, "newer"), "c1");
    directives.take(message(2, "late"), "c1");
    assert.deepEqual(written, ["now", "newer"]);
  });

  it("may carry the same id again in a new epoch", () => {
    directives.take(message(1, "a"), "c1");
    directives.take(message(2, "a"), "c1");
    assert.deepEqual(written, ["a", "a"]);
  });

  it("wait for the channel in order, and what waited dies with its epoch", () => {
    open = false;
    directives.take(message(1, "a", "b"), "c1");
    directives.enter(2);
    directives.take(message(2, "c"), "c1");
    open = true;
    directives.take(message(2, "d"), "c1");
    directives.flush("c1");
    assert.deepEqual(written, ["c", "d"]);
  });

  it("wait for the channel of their own call, and do not hold up another's", () => {
    /** @type {string[]} */
    const sent = [];
    const shut = new Set(["new"]);
    const both = new Directives(({ type }, callId) => !shut.has(callId) && sent.push(`${callId}:${type}`) > 0);
    both.take(message(1, "a"), "new");
    both.take(message(1, "b"), "old");
    both.take(message(1, "c"), "gone");
    assert.deepEqual(sent, ["old:b", "gone:c"]);
    shut.clear();
    both.flush("old");
    both.flush("new");
    assert.deepEqual(sent, ["old:b", "gone:c", "new:a"]);
    shut.add("new");
    both.take(message(1, "d"), "new");
    both.forget("new");
    shut.clear();
    both.flush("new");
    assert.equal(sent.length, 3, "nobody is told what was meant for a call that is over");
  });

  it("are bounded while the channel is shut", () => {
    open = false;
    const ids = Array.from({ length: 100 }, (_, index) => `d${index}`);
    assert.equal(directives.take(message(1, ...ids), "c1"), 64);
  });

  it("that are not understood are ignored", () => {
    assert.equal(directives.take({}, "c1"), 0);
    assert.equal(directives.take({ epoch: 1, events: [{ id: 7, event: { type: "x" } }, { id: "a", event: {} }] }, "c1"), 0);
    assert.deepEqual(written, []);
  });
});
