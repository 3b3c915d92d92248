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
    directives.take(message(1, "a", "b"));
    directives.take(message(1, "b", "c"));
    assert.deepEqual(written, ["a", "b", "c"]);
  });

  it("of a past epoch are dropped", () => {
    directives.enter(2);
    assert.equal(directives.take(message(1, "old")), 0);
    directives.take(message(2, "now"));
    directives.take(message(3, "newer"));
    directives.take(message(2, "late"));
    assert.deepEqual(written, ["now", "newer"]);
  });

  it("may carry the same id again in a new epoch", () => {
    directives.take(message(1, "a"));
    directives.take(message(2, "a"));
    assert.deepEqual(written, ["a", "a"]);
  });

  it("wait for the channel in order, and what waited dies with its epoch", () => {
    open = false;
    directives.take(message(1, "a", "b"));
    directives.enter(2);
    directives.take(message(2, "c"));
    open = true;
    directives.take(message(2, "d"));
    directives.flush();
    assert.deepEqual(written, ["c", "d"]);
  });

  it("are bounded while the channel is shut", () => {
    open = false;
    const ids = Array.from({ length: 100 }, (_, index) => `d${index}`);
    assert.equal(directives.take(message(1, ...ids)), 64);
  });

  it("that are not understood are ignored", () => {
    assert.equal(directives.take({}), 0);
    assert.equal(directives.take({ epoch: 1, events: [{ id: 7, event: { type: "x" } }, { id: "a", event: {} }] }), 0);
    assert.deepEqual(written, []);
  });
});
