/** @file Calls of the past: the list, its pages, and the record of one with its files. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, endInterview, openPage, startInterview, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

describe("past calls", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let watched;

  before(async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone: makeMicrophone() });
    watched = await openPage(browser, { width: 390, height: 844 });
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
  });

  it("are none at first, and the page says how to begin", async () => {
    const { page } = watched;
    await page.goto(`${viva.url}/past-calls`);
    await page.waitForSelector("#none:not([hidden])");
    assert.equal(await page.$eval("#none a", (link) => link.getAttribute("href")), "/start");
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  it("list a call with how it stands, and lead back into one that is open", async () => {
    const { page } = watched;
    await startInterview(page, viva.url);
    for (const speaker of ["ai", "candidate"]) await page.waitForSelector(`#captions [data-speaker="${speaker}"][data-final="yes"]`);
    const second = await openPage(browser);
    await second.page.goto(`${viva.url}/past-calls`);
    await second.page.waitForSelector('#calls [data-status="in_progress"]');
    assert.equal(await textOf(second.page, "#calls .status"), "Under way");
    assert.equal(await second.page.$eval("#calls .button", (link) => new URL(/** @type {HTMLAnchorElement} */ (link).href).pathname), new URL(page.url()).pathname);
    await second.page.close();
    await endInterview(page);
    await page.goto(`${viva.url}/past-calls`);
    await page.waitForSelector('#calls [data-status="completed"]');
    assert.match(await textOf(page, "#calls li"), /\d s · ended by the candidate/);
    assert.match(await textOf(page, "#calls .far"), /Stage \d of 5/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "past-calls", "whole");
  });

  it("show the record of one, and whose word each turn is", async () => {
    const { page, faults } = watched;
    await page.click("#calls h2 a");
    await page.waitForSelector("#record:not([hidden])");
    assert.match(new URL(page.url()).pathname, /^\/past-calls\/[0-9a-f-]{36}$/);
    assert.match(await textOf(page, "#facts"), /Completed, ended by the candidate/);
    assert.equal((await page.$$("#stages li")).length, 5);
    const marks = await page.$$eval("#turns .turn", (turns) => turns.map((turn) => turn.querySelector("[data-mark]")?.getAttribute("data-mark")));
    assert.ok(marks.length >= 2 && marks.every((mark) => mark === "sideband"), marks.join());
    const times = await page.$$eval("#turns .at", (all) => all.map(({ textContent }) => textContent ?? ""));
    assert.ok(times.length === marks.length && times.every((time) => /^\d+:\d\d$/.test(time)), times.join());
    const words = await page.$$eval("#turns .words", (all) => all.map(({ textContent }) => textContent));
    const stored = await page.evaluate(() => fetch(`/api/sessions/${location.pathname.split("/")[2]}/transcript`).then((response) => response.json()));
    assert.deepEqual(words, stored.turns.map((/** @type {{text: string}} */ { text }) => text).filter((/** @type {string} */ text) => text.trim() !== ""));
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, "no sideways scrolling");
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      assert.deepEqual(await accessibilityFaults(page), [], scheme);
      await snap(page, `past-call-${scheme}`, "whole");
    }
    assert.deepEqual(faults, []);
  });

  it("give the record as files of four kinds", async () => {
    const { page } = watched;
    const kinds = { txt: /text\/plain/, md: /text\/markdown/, json: /application\/json/, journal: /ndjson|jsonl/ };
    for (const [format, kind] of Object.entries(kinds)) {
      const { status, type, length } = await page.$eval(`#as-${format}`, async (link) => {
        const response = await fetch(/** @type {HTMLAnchorElement} */ (link).href);
        return { status: response.status, type: response.headers.get("content-type") ?? "", length: (await response.text()).length };
      });
      assert.equal(status, 200, format);
      assert.match(type, kind);
      assert.ok(length > 100, format);
    }
  });

  it("come a page at a time, the newest first, each once", async () => {
    const { page } = watched;
    // More than one part; what an address may do in a row is limited, so it takes turns.
    for (let made = 0; made < 24; made += 1) {
      await until(`session ${made}`, () =>
        page.evaluate(async (role) => {
          const consent = { version: "test", locale: "en" };
          const response = await fetch("/api/sessions", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ job_role: role, consent }) });
          return response.status === 201;
        }, `Role ${made}`),
      );
    }
    await page.goto(`${viva.url}/past-calls`);
    await page.waitForSelector("#more:not([hidden])");
    assert.equal((await page.$$("#calls li.call")).length, 20);
    assert.equal(await textOf(page, "#calls li.call h2"), "Role 23");
    await page.click("#more");
    await until("the rest", async () => (await page.$$("#calls li.call")).length === 25);
    const ids = await page.$$eval("#calls li.call", (calls) => calls.map((call) => call.getAttribute("data-session")));
    assert.equal(new Set(ids).size, 25);
    assert.equal(await page.$eval("#more", (button) => /** @type {HTMLElement} */ (button).hidden), true);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Role 3", "reading goes on where the list went on");
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations }, { stored: [], keys: 0, violations: [] });
  });

  it("of nobody: a call that does not exist is said to be none", async () => {
    const { page } = watched;
    await page.goto(`${viva.url}/past-calls/00000000-0000-7000-8000-000000000000`);
    await page.waitForSelector('#notice[data-kind="fault"]');
    assert.match(await textOf(page, "#notice"), /no such interview/);
    assert.equal(await page.$eval("#record", (box) => /** @type {HTMLElement} */ (box).hidden), true);
  });
});
