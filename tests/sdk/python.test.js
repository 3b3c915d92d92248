/** @file The provider's Python library, and aiortc as another WebRTC stack, each in a process of its own. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { MODEL, OFFER, SELLS, Shop } from "./shop.js";

/** The interpreter of the virtual environment that `scripts/test` makes. */
const PYTHON = process.env.VIVA_SDK_PYTHON ?? "python3";

describe("Python", () => {
  /** @type {Shop} */
  let shop;

  before(async () => {
    shop = await Shop.open();
  });
  after(async () => shop?.close());

  /** Runs a script to its end; whatever it says on standard error is the reason. @param {string} name */
  async function run(name) {
    const child = spawn(PYTHON, [new URL(`python/${name}`, import.meta.url).pathname], {
      env: { PATH: process.env.PATH, BASE_URL: shop.baseURL, ACCESS_KEY: shop.key, MODEL, SELLS, OFFER },
      stdio: ["ignore", "inherit", "pipe"],
      timeout: 60_000,
    });
    let said = "";
    child.stderr.on("data", (part) => (said += part));
    const code = await new Promise((tell) => child.on("close", tell));
    assert.equal(code, 0, said);
  }

  it("the provider's library creates calls, mints secrets and holds a sideband", async () => {
    await run("library.py");
    const { session, turns } = await shop.ended();
    assert.equal(session.ended_by, "user_end");
    assert.ok(turns.some((turn) => turn.text === "Good day."));
  });

  it("aiortc holds a call with sound both ways", async () => {
    await run("caller.py");
    const { session, turns } = await shop.ended();
    assert.equal(session.ended_by, "user_end");
    assert.deepEqual([...new Set(turns.map((turn) => turn.speaker))].sort(), ["ai", "candidate"]);
  });
});
