/** @file The test page runs one call and judges it, in both browsers. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, openPage, peerStats, state, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

const microphone = makeMicrophone();

for (const name of BROWSERS) {
  describe(`the test page in ${name}`, () => {
    /** @type {Viva} */
    let viva;
    /** @type {import("puppeteer-core").Browser} */
    let browser;
    /** @type {import("puppeteer-core").Page} */
    let page;
    /** @type {string[]} */
    let requests;
    /** @type {string[]} */
    let faults;

    before(async () => {
      viva = await Viva.start();
      browser = await launch(name, { microphone });
      const watched = await openPage(browser, { firefoxSpeech: name === "firefox" ? microphone.utterances : undefined });
      ({ page, requests, faults } = watched);
      await page.goto(`${viva.url}/test`);
      await page.click("#connect");
    });
    after(async () => {
      await browser?.close();
      await viva?.stop();
    });

    it("passes every step up to the first turn", async () => {
      const steps = ["health", "guest", "session", "microphone", "ws", "offer", "answer", "ice", "dtls", "channel", "audio", "turn"];
      for (const step of steps) {
        await until(`step ${step}`, async () => {
          const reached = await page.$eval(`[data-step="${step}"]`, (item) => item.getAttribute("data-state"));
          const why = await textOf(page, `[data-step="${step}"] .why`);
          assert.notEqual(reached, "fail", `${step}: ${why}`);
          return reached === "pass";
        });
      }
    });

    it("shows offer and answer, states, and where the sound comes from", async () => {
      assert.match(await textOf(page, "#offer"), /^v=0\r?\n[^]*m=application/);
      assert.match(await textOf(page, "#answer"), /^v=0\r?\n[^]*a=fingerprint:/);
      for (const [fact, value] of [["connection", "connected"], ["dtls", "connected"], ["channel", "open"], ["socket", "ready"]]) {
        assert.equal(await page.$eval(`[data-fact="${fact}"]`, (row) => row.getAttribute("data-value")), value, fact);
      }
      const { remotePort, protocol, energy, answer } = await peerStats(page);
      assert.ok(energy > 0, "sound has arrived");
      assert.equal(protocol, "udp");
      const named = [...answer.matchAll(/^a=candidate:\S+ \d+ udp \d+ \S+ (\d+) /gim)].map(([, port]) => Number(port));
      assert.ok(named.includes(remotePort) && remotePort !== viva.port, `port ${remotePort} is one that the model's answer names`);
      await until("the far side", async () => (await textOf(page, '[data-fact="remote"] dd')).includes(`:${remotePort}`));
    });

    it("draws the way from the click to the first sound", async () => {
      assert.match(await textOf(page, "#total"), /^\d+(\.\d)? ms$/);
      const bars = await page.$$eval(".waterfall .bar-row .span:not([hidden])", (spans) => spans.length);
      assert.equal(bars, 11, "each step up to the first sound has its bar");
    });

    it("moves its charts", async () => {
      for (const chart of ["chart-rtt", "chart-jitter", "chart-loss"]) {
        const points = () => page.$eval(`#${chart}`, (figure) => Number(figure.getAttribute("data-points")));
        const before = await until(`a point of ${chart}`, points);
        await until(`more points of ${chart}`, async () => (await points()) > before + 1);
        assert.match(await page.$eval(`#${chart} path.line`, (path) => path.getAttribute("d") ?? ""), /^M.+L/);
      }
    });

    it("filters its log", async () => {
      await page.type("#filter", "stage_change");
      const names = await page.$$eval("#log li", (rows) => rows.map((row) => row.getAttribute("data-name")));
      assert.ok(names.length > 0 && names.every((shown) => shown === "stage_change"), String(names));
      await page.$eval("#filter", (field) => {
        /** @type {HTMLInputElement} */ (field).value = "";
        field.dispatchEvent(new Event("input"));
      });
    });

    it("finds in the record what it has seen", async () => {
      await page.waitForSelector('#turns [data-speaker="candidate"]');
      // Both of a turn's halves are final before the end is asked for; what is cut off by the end proves nothing.
      await until("a candidate's words", () => page.$eval('#turns [data-speaker="candidate"] td:nth-child(2)', (cell) => cell.textContent !== "…"));
      await page.click("#end");
      await until("a verdict", async () => (await state(page)).run !== "running");
      await snap(page, `test-${name}`, "whole");
      const verdicts = await page.$$eval("#turns tr", (rows) => rows.map((row) => row.getAttribute("data-verdict")));
      const same = verdicts.filter((verdict) => verdict === "same");
      assert.ok(same.length >= 2 && verdicts.every((verdict) => verdict === "same" || verdict === "unfinished"), String(verdicts));
      assert.equal((await state(page)).run, "pass", await textOf(page, '[data-step="saved"] .why'));
      assert.deepEqual(faults, []);
    });

    it("hands out the whole run as JSON, without a ticket", async () => {
      // Firefox tells its driver nothing of downloads, so the file is read where the page makes it.
      await page.click("#download");
      const text = await page.evaluate(() => /** @type {any} */ (window).observed.blobs.at(-1).text());
      assert.ok(!text.includes("ek_viva_"), "no ticket in the report");
      const run = JSON.parse(text);
      assert.equal(run.result, "pass");
      assert.equal(run.steps.length, 13);
      assert.ok(run.samples.length > 2 && run.events.length > 20 && run.stored.turns.length >= 2);
      assert.ok(run.offer.startsWith("v=0") && run.answer.startsWith("v=0"));
      assert.ok(run.stage_changes.length > 0, "stages were announced");
    });

    it("kept nothing in the browser, broke no rule, and asked nobody but Viva", async () => {
      const { sockets, stored, keys, violations } = await doings(page);
      assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
      for (const url of [...requests.filter((address) => !address.startsWith("blob:")), ...sockets]) assert.equal(new URL(url).host, `127.0.0.1:${viva.port}`, url);
    });
  });
}
