/** @file Following an interview: each event once, the line picked up where it was, and an end to it. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Following } from "../../../public/js/follow.js";

/** A line as a browser gives it, in the test's hands. */
class Source {
  /** @type {Map<string, (event: {data: string}) => void>} */
  #listeners = new Map();
  readyState = 0;
  onopen = () => {};
  onerror = () => {};

  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }
  /** @param {string} name @param {(event: {data: string}) => void} listener */
  addEventListener(name, listener) {
    this.#listeners.set(name, listener);
  }
  close() {
    this.readyState = 2;
  }
  /** @param {string} name @param {object} data */
  say(name, data) {
    this.#listeners.get(name)?.({ data: JSON.stringify(data) });
  }
  /** The line breaks; with `2` the browser does not come back by itself. @param {0 | 2} state */
  breaks(state) {
    this.readyState = state;
    this.onerror();
  }
}

describe("following an interview", () => {
  /** @type {Source[]} */
  let sources;
  /** @type {Following} */
  let following;
  /** @type {[string, any][]} */
  let told;

  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    sources = [];
    told = [];
    following = new Following("/events", (url) => {
      const source = new Source(url);
      sources.push(source);
      return /** @type {any} */ (source);
    });
    for (const name of /** @type {const} */ (["turn", "revised", "stage", "status", "end", "line", "closed"])) following.on(name, (detail) => told.push([name, detail]));
    following.open();
  });
  afterEach(() => {
    following.close();
    mock.timers.reset();
  });

  const names = () => told.map(([name, { n, state, code }]) => [name, n ?? state ?? code].filter((part) => part !== undefined).join(" "));

  it("tells each event once, also when the line says it again", () => {
    sources[0].onopen();
    sources[0].say("stage", { n: 1 });
    sources[0].say("turn", { n: 2 });
    // The browser came back by itself, to a server that begins anew.
    sources[0].breaks(0);
    sources[0].onopen();
    for (const n of [1, 2, 3]) sources[0].say("turn", { n });
    sources[0].say("revised", { n: 4 });
    assert.deepEqual(names(), ["line open", "stage 1", "turn 2", "line lost", "line open", "turn 3", "revised 4"]);
    assert.equal(sources.length, 1);
  });

  it("opens another line behind the last number where the browser gave up, later each time", () => {
    sources[0].say("turn", { n: 7 });
    sources[0].breaks(2);
    mock.timers.tick(499);
    mock.timers.tick(1);
    assert.deepEqual(sources.map(({ url }) => url), ["/events", "/events?after=7"]);
    sources[1].breaks(2);
    mock.timers.tick(499);
    assert.equal(sources.length, 2, "the second wait is longer");
    mock.timers.tick(501);
    assert.equal(sources.length, 3);
    sources[0].breaks(2);
    mock.timers.tick(10_000);
    assert.equal(sources.length, 3, "a line that was replaced counts no more");
  });

  it("ends with the interview, and is not opened again", () => {
    sources[0].say("end", { ended_by: "user_end" });
    assert.equal(sources[0].readyState, 2);
    sources[0].breaks(2);
    mock.timers.tick(10_000);
    assert.deepEqual([sources.length, names()], [1, ["end"]]);
  });

  it("stops where the reader may not follow any more, and waits where the server only restarts", () => {
    sources[0].say("closed", { code: "UNAVAILABLE" });
    sources[0].breaks(2);
    mock.timers.tick(1_000);
    assert.equal(sources.length, 2);
    sources[1].say("closed", { code: "NOT_FOUND" });
    sources[1].breaks(2);
    mock.timers.tick(10_000);
    assert.deepEqual([sources.length, names()], [2, ["line lost", "closed NOT_FOUND"]]);
  });
});
