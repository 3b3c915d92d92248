/** @file Money and figures in words. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { amount, budgetName, consumed, dollars, marks, standingOf } from "../../../public/js/money.js";

const NOTHING = { replies: 0, transcriptions: 0, text_in: 0, audio_in: 0, image_in: 0, text_cached: 0, audio_cached: 0, image_cached: 0, text_out: 0, audio_out: 0, ms: 0, cost_usd: 0, confirmed: true };

describe("money", () => {
  it("has as many digits as it deserves, and is never guessed", () => {
    const cases = /** @type {[number | null, string][]} */ ([[0, "$0"], [12.3456, "$12.35"], [0.0512, "$0.0512"], [0.000123, "$0.000123"], [null, "Cost unknown"]]);
    for (const [usd, words] of cases) assert.equal(dollars(usd), words);
  });

  it("is typed in many ways, and what is none is refused", () => {
    const good = /** @type {[string, number][]} */ ([["25", 25], [" $0.50 ", 0.5], ["0,05", 0.05], ["1000000", 1_000_000], ["0", 0]]);
    for (const [text, usd] of good) assert.equal(amount(text), usd, text);
    for (const text of ["", "-1", "1e3", "a lot", "1.2.3", "1000001", "NaN", "0.0000001"]) assert.equal(amount(text), null, text);
  });
});

describe("usage", () => {
  it("is told with what was cached, and without figures that are none", () => {
    assert.deepEqual(consumed(NOTHING), ["0 replies", "0 turns written down"]);
    const sums = { ...NOTHING, replies: 1, transcriptions: 2, text_in: 1_000, audio_in: 500, audio_cached: 400, text_out: 20, audio_out: 300, ms: 90_000 };
    assert.deepEqual(consumed(sums), ["1 reply", "2 turns written down", "1,500 tokens read, 400 of them cached", "320 tokens made", "1.5 minutes of sound"]);
  });

  it("is marked where it is somebody else's bill, not confirmed, or without a price", () => {
    assert.deepEqual(marks({ payer: "server", confirmed: true, cost_usd: 0 }), []);
    assert.deepEqual(marks({ payer: "key_owner", confirmed: false, cost_usd: null }).map(([mark]) => mark), ["owner", "unconfirmed", "unpriced"]);
  });
});

describe("budgets", () => {
  const budget = /** @type {const} */ ({ scope: "user", period: "day", limit_usd: 1, spent_usd: 0.9, standing: "low", hard: true });

  it("say where they stand and what follows", () => {
    assert.equal(budgetName(budget), "Each person, a day");
    assert.deepEqual(standingOf(budget), { word: "Little is left", mood: "fair", means: "When it is used up, new calls are refused and running ones end." });
    assert.match(standingOf({ ...budget, standing: "exhausted", hard: false }).means, /^Now new calls are refused and running ones go on/);
  });
});
