/** @file An interviewer follows somebody else's call at `/live/{id}`: word for word, through a restart of the server, to its end. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { captions, doings, openPage, startInterview, state, textOf, until } from "../harness/page.js";
import { SECRET, become, visit } from "../harness/people.js";
import { snap } from "../harness/shots.js";
import { Viva, startSimulator } from "../harness/viva.js";

const ADA = { sub: "ada", name: "Ada Admin", email: "ada@example.org" };
const ROBIN = { sub: "robin", name: "Robin", email: "robin@example.org" };
const EVE = { sub: "eve", name: "Eve", email: "eve@example.org" };

describe("a call that an admin follows", () => {
  /** @type {import("../harness/viva.js").Simulator} */
  let model;
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let call;
  /** @type {import("../harness/page.js").Watched} */
  let watched;
  let session = "";

  before(async () => {
    // A process of its own: it outlives the server's restart, and so does the call.
    model = await startSimulator();
    viva = await Viva.start({ JWT_SECRET: SECRET, OPENAI_BASE_URL: model.url, OPENAI_API_KEY: model.key });
    for (const person of [ADA, ROBIN, EVE]) await visit(viva.url, person);
    viva.grant(ADA.email, "Acme", "admin");
    viva.grant(ROBIN.email, "Acme", "member");
    browser = await launch("chromium", { microphone: makeMicrophone() });
    // What was granted beside the running server is seen when somebody chooses where they act.
    for (const person of [ADA, ROBIN]) await chooseAcme(person);
    call = await openPage(browser);
    await become(call.page, ROBIN);
    watched = await openPage(await browser.createBrowserContext(), { width: 390, height: 844 });
    await become(watched.page, ADA);
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
    await model?.stop();
  });

  /** @param {import("../harness/people.js").Claims} person */
  async function chooseAcme(person) {
    const { page } = await openPage(browser);
    await become(page, person);
    await page.goto(`${viva.url}/404-on-purpose`);
    const act = (/** @type {string} */ tenant) =>
      page.evaluate((id) => fetch("/api/me/tenant", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ tenant: id }) }).then(({ status }) => status), tenant);
    const { tenants } = await visit(viva.url, person);
    await act(tenants[0].id);
    const acme = (await visit(viva.url, person)).tenants.find((/** @type {{name: string}} */ { name }) => name === "Acme");
    assert.equal(await act(acme.id), 204);
    await page.close();
  }

  const turns = () => watched.page.$$eval("#turns .turn", (all) => all.map((turn) => ({ item: turn.getAttribute("data-item"), speaker: turn.getAttribute("data-speaker"), words: turn.querySelector(".words")?.textContent ?? "" })));

  it("is found among the calls under way, and its words come as they are written down", async () => {
    const { page } = watched;
    await startInterview(call.page, viva.url);
    await until("a connected peer", async () => (await state(call.page)).peer === "connected");
    session = call.page.url().split("/").at(-1) ?? "";
    await page.bringToFront();
    await page.goto(`${viva.url}/admin`);
    await page.waitForSelector("#live li a");
    await Promise.all([page.waitForNavigation(), page.click("#live li a")]);
    assert.equal(new URL(page.url()).pathname, `/live/${session}`);
    await page.waitForSelector("#live:not([hidden])");
    for (const speaker of ["ai", "candidate"]) await until(`words of ${speaker}`, async () => (await turns()).some((turn) => turn.speaker === speaker));
    const spoken = (await captions(call.page)).filter(({ final }) => final);
    for (const turn of await turns()) {
      const caption = spoken.find(({ item }) => item === turn.item);
      if (caption) assert.equal(turn.words, caption.words);
    }
    await until("the state", async () => (await textOf(page, "#status")) === "On the call");
    assert.equal((await page.$$("#stages [data-state=here]")).length, 1);
    assert.deepEqual(await accessibilityFaults(page), []);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, "no sideways scrolling");
    await snap(page, "live", "whole");
  });

  it("goes on where it was after the server was restarted, and says nothing twice", async () => {
    const { page } = watched;
    const before = await turns();
    await viva.restart();
    await until("the line again", () => page.$eval("#line", (box) => /** @type {HTMLElement} */ (box).hidden));
    await until("newer words", async () => (await turns()).length > before.length);
    const now = await turns();
    assert.equal(new Set(now.map(({ item }) => item)).size, now.length, "each turn once");
    assert.deepEqual(now.slice(0, before.length).map(({ item }) => item), before.map(({ item }) => item));
  });

  it("is told to strangers as little as one that does not exist", async () => {
    const other = await openPage(await browser.createBrowserContext());
    await become(other.page, EVE);
    await other.page.goto(`${viva.url}/live/${session}`);
    await other.page.waitForSelector('#notice[data-kind="fault"]');
    assert.match(await textOf(other.page, "#notice"), /no such interview/);
    await other.page.close();
    await watched.page.bringToFront();
  });

  it("is ended from there, and leads to its record", async () => {
    const { page, faults } = watched;
    await page.click("#end");
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await until("the end", async () => (await textOf(page, "#status")) === "Ended by its host");
    await until("the end on the other page", () => call.page.$('#saved[data-state="saved"]'));
    assert.equal(await page.$eval("#end", (button) => /** @type {HTMLElement} */ (button).hidden), true);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "live-over", "whole");
    const told = (await turns()).length;
    await Promise.all([page.waitForNavigation(), page.click("#to-record")]);
    await page.waitForSelector("#record:not([hidden])");
    assert.ok((await page.$$("#turns .turn")).length >= told);
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
  });
});
