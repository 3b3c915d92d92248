/** @file How long a page waits before it comes back. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { backoff } from "../../../public/js/call/backoff.js";

it("grows, and never beyond its ceiling", () => {
  const longest = Array.from({ length: 40 }, (_, attempt) => backoff(attempt, 0.999));
  assert.deepEqual(longest.slice(0, 5), [250, 500, 1000, 1999, 3998]);
  assert.ok(longest.every((delay) => delay <= 8_000));
});

it("spreads those who lost the line together, and never comes back at once", () => {
  assert.equal(backoff(3, 0), 1_000);
  assert.equal(backoff(3, 0.5), 1_500);
  assert.ok(backoff(0, 0) > 0);
});
