/** @file What a person sees when something fails: microphone, capacity, model, store. */

import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "node:test";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { endInterview, openPage, peerStats, startInterview, state, textOf, told, until } from "../harness/page.js";
import { Viva } from "../harness/viva.js";

const microphone = makeMicrophone();

describe("when something fails", () => {
  /** @type {Viva | undefined} */
  let viva;
  /** @type {import("puppeteer-core").Browser | undefined} */
  let browser;

  afterEach(async () => {
    await browser?.close();
    await viva?.stop();
    browser = viva = undefined;
  });
  after(() => assert.equal(viva, undefined));

  it("a blocked microphone is explained, and nothing was started", async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone: "denied" });
    const { page, requests } = await openPage(browser);
    const session = await page.createCDPSession();
    await session.send("Browser.setPermission", { origin: viva.url, permission: { name: "microphone" }, setting: "denied" });
    await page.goto(`${viva.url}/`);
    await page.waitForSelector('input[name="plan"]');
    await page.click("#consent");
    await page.click("#begin");
    await page.waitForSelector("#notice:not([hidden])");
    assert.match(await textOf(page, "#notice strong"), /microphone is blocked/);
    assert.ok(!requests.some((url) => url.endsWith("/api/sessions")));
  });

  it("a full server says so, and the form can be sent again", async () => {
    viva = await Viva.start({ MAX_CONCURRENT_SESSIONS: "1" });
    browser = await launch("chromium", { microphone });
    const first = await openPage(browser);
    await startInterview(first.page, viva.url);
    await until("a connected peer", async () => (await state(first.page)).peer === "connected");
    const second = await openPage(browser);
    await second.page.goto(`${viva.url}/`);
    await second.page.waitForSelector('input[name="plan"]');
    await second.page.click("#consent");
    await second.page.click("#begin");
    const told = await until("a refusal", async () => refusal(second.page));
    assert.match(told, /All lines are taken/);
  });

  it("a model that cannot be reached is explained, with a way to try again", async () => {
    // Port 9 on loopback: nobody listens.
    viva = await Viva.start({ OPENAI_BASE_URL: "http://127.0.0.1:9/v1", OPENAI_API_KEY: "sk-nobody" });
    browser = await launch("chromium", { microphone });
    const { page } = await openPage(browser);
    await startInterview(page, viva.url);
    await page.waitForSelector('#banner[data-kind="fault"]');
    assert.equal((await state(page)).phase, "failed");
    assert.match(await textOf(page, "#banner"), /interviewer/i);
    assert.equal(await textOf(page, "#banner button"), "Try again");
  });

  it("a store that cannot write is told, the call goes on, and the record is whole afterwards", async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone });
    const { page } = await openPage(browser);
    await startInterview(page, viva.url);
    await page.waitForSelector('#captions [data-speaker="ai"][data-final="yes"]');
    viva.limitFiles(4_096);
    await page.waitForSelector('#save-banner[data-kind="fault"]', { timeout: 90_000 });
    assert.match(await textOf(page, "#save-banner"), /not being saved/);
    assert.equal(await textOf(page, "#control"), "Not being saved just now");
    const health = await fetch(`${viva.url}/health`).then((response) => response.json());
    assert.deepEqual([health.status, health.store.state], ["unhealthy", "failing"]);

    // The call goes on: sound still comes in, and the model hears the next answer. None of it is called kept.
    const { energy } = await peerStats(page);
    await until("an answer", () => page.$('#captions [data-speaker="candidate"]'));
    await until("more sound", async () => (await peerStats(page)).energy > energy);
    assert.equal((await state(page)).peer, "connected");
    const messages = await told(page);
    const after = messages.slice(messages.findIndex(({ type }) => type === "save_error"));
    assert.deepEqual(after.filter(({ type, n }) => type === "saved" || n !== undefined), [], "nothing is acknowledged");

    viva.limitFiles("unlimited");
    await until("the banner gone", () => page.$eval("#save-banner", (banner) => /** @type {HTMLElement} */ (banner).hidden), 90_000);
    assert.match(await textOf(page, "#control"), /^Recorded by/);
    const shown = await page.$$eval('#captions [data-final="yes"]', (turns) => turns.map((turn) => turn.getAttribute("data-item")));
    await endInterview(page);
    const stored = await page.$$eval("#captions .turn", (turns) => turns.map((turn) => turn.getAttribute("data-item")));
    for (const item of shown) assert.ok(stored.includes(item), `turn ${item} is in the record`);
  });

  it("an unknown interview is named as such", async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone });
    const { page } = await openPage(browser);
    await page.goto(`${viva.url}/`);
    await page.evaluate(() => fetch("/auth/guest", { method: "POST" }));
    await page.goto(`${viva.url}/interview/00000000-0000-7000-8000-000000000000`);
    await page.waitForSelector('#banner[data-kind="fault"]');
    assert.match(await textOf(page, "#banner strong"), /no such interview/);
  });
});

/** A refusal may come from the form, or from the interview page when the session could still be made. @param {import("puppeteer-core").Page} page */
async function refusal(page) {
  const selector = new URL(page.url()).pathname === "/" ? "#notice:not([hidden])" : '#banner[data-kind="fault"]';
  return page.$(selector).then((box) => box?.evaluate((element) => element.textContent ?? ""));
}
