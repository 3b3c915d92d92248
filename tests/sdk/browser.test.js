/** @file The provider's browser libraries in Chromium, from a page of another origin: by changing the address only. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { launch } from "../browser/harness/browsers.js";
import { MODEL, SELLS, Shop, bundled, until } from "./shop.js";

describe("the provider's libraries in a browser", () => {
  /** @type {Shop} */
  let shop;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {OpenAI} */
  let client;

  before(async () => {
    const [agents, openai] = await Promise.all([bundled("agents.js"), bundled("openai.js")]);
    shop = await Shop.open({ "agents.js": agents, "openai.js": openai });
    browser = await launch("chromium");
    client = new OpenAI({ apiKey: shop.key, baseURL: shop.baseURL });
  });
  after(async () => {
    await browser?.close();
    await shop?.close();
  });

  /** A page of the shop that is in a call. @param {string} name @param {string} secret */
  async function calling(name, secret) {
    const page = await browser.newPage();
    await page.goto(`${shop.origin}/${name}`);
    assert.notEqual(new URL(page.url()).origin, shop.viva.url);
    await page.evaluate((url, secret) => /** @type {any} */ (globalThis).start(url, secret), shop.baseURL, secret);
    return page;
  }
  /** @param {import("puppeteer-core").Page} page @param {string} what @param {...any} args @returns {Promise<any>} */
  const ask = (page, what, ...args) => page.evaluate((what, args) => /** @type {any} */ (globalThis).call[what](...args), what, args);
  /** @param {import("puppeteer-core").Page} page @returns {Promise<string>} */
  const callId = (page) => page.evaluate(() => /** @type {any} */ (globalThis).call.callId);

  it("@openai/agents-realtime holds a call whose settings are locked", async () => {
    const secret = await client.realtime.clientSecrets.create({ session: { type: "realtime", model: MODEL, instructions: SELLS } });
    const page = await calling("agents", secret.value);
    const id = await callId(page);
    assert.match(id, /^rtc_viva_/);
    // The library sends settings of its own as soon as it can; they do not last.
    await until("the shop's own settings", async () => (await ask(page, "settings"))?.instructions === SELLS);
    await ask(page, "ask", "What do they cost?");
    await until("an answer", async () => (await ask(page, "said")).length > 0);
    // It has no way to hang up but to leave; its server has.
    await client.realtime.calls.hangup(id);
    const { session, turns } = await shop.ended();
    assert.deepEqual([session.ended_by, session.control, session.plan], ["user_end", "sideband", "conversation"]);
    assert.equal(turns.find((turn) => turn.speaker === "candidate")?.text, "What do they cost?");
    assert.ok(turns.some((turn) => turn.speaker === "ai" && turn.text !== ""));
    assert.ok(turns.every((turn) => turn.source === "sideband"));
    await page.close();
  });

  it("openai/realtime/webrtc sets its call up itself where that is left to it", async () => {
    const secret = await client.realtime.clientSecrets.create({ session: { type: "realtime" } });
    const page = await calling("openai", secret.value);
    assert.equal(await ask(page, "state"), "connected");
    assert.match(await callId(page), /^rtc_viva_/);
    await ask(page, "update", { type: "realtime", instructions: SELLS, audio: { input: { transcription: null } } });
    // What is said is written down all the same.
    const settings = await until("both settings", async () => {
      const settings = await ask(page, "settings");
      return settings?.instructions === SELLS && settings.audio.input.transcription ? settings : null;
    });
    assert.equal(settings.model, MODEL);
    await ask(page, "ask", "Do you have a red one?");
    await until("an answer", async () => (await ask(page, "said")).length > 0);
    assert.equal(await ask(page, "hangUp"), true);
    const { session, turns } = await shop.ended();
    assert.equal(session.ended_by, "user_end");
    assert.ok(turns.some((turn) => turn.text === "Do you have a red one?"));
    await page.close();
  });

  it("a library's error names what is wrong, and the secret starts one call", async () => {
    const { value } = await client.realtime.clientSecrets.create({});
    const first = await calling("openai", value);
    await assert.rejects(calling("agents", value), /Realtime call request failed with status 409/);
    await assert.rejects(calling("agents", "ek_somebody_else_s"), /status 401/);
    await ask(first, "hangUp");
    await shop.ended();
  });
});
