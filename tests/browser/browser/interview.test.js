/** @file An interview from `/` to the saved record, by click, in both browsers. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, endInterview, openPage, peerStats, startInterview, state, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

const microphone = makeMicrophone();

for (const name of BROWSERS) {
  describe(`an interview in ${name}`, () => {
    /** @type {Viva} */
    let viva;
    /** @type {import("puppeteer-core").Browser} */
    let browser;
    /** @type {import("../harness/page.js").Watched} */
    let watched;

    before(async () => {
      viva = await Viva.start();
      browser = await launch(name, { microphone });
      watched = await openPage(browser, { firefoxSpeech: name === "firefox" ? microphone.utterances : undefined });
      await startInterview(watched.page, viva.url);
    });
    after(async () => {
      await browser?.close();
      await viva?.stop();
    });

    it("connects, and sound arrives", async () => {
      const { page } = watched;
      await until("a connected peer", async () => (await state(page)).peer === "connected");
      await until("received audio energy", async () => (await peerStats(page)).energy > 0);
    });

    it("says who records", async () => {
      await until("a control other than pending", async () => (await state(watched.page)).control !== "pending");
      assert.match(await textOf(watched.page, "#control"), /^Recorded by/);
    });

    it("shows the stage and the time left", async () => {
      const { page } = watched;
      await page.waitForSelector('#stages [data-state="current"]');
      assert.ok((await page.$$("#stages li")).length >= 3, "the plan's stages are listed");
      await until("time left", async () => /Stage \d of \d: .+ (\d:\d\d left|soon)$/.test(await textOf(page, "#stage-line")));
    });

    it("captions both sides in the order of the conversation", async () => {
      const { page } = watched;
      for (const speaker of ["ai", "candidate"]) {
        await page.waitForSelector(`#captions [data-speaker="${speaker}"][data-final="yes"]`);
        const words = await textOf(page, `#captions [data-speaker="${speaker}"][data-final="yes"] p`);
        assert.ok(words.length > 3, `words of ${speaker}: "${words}"`);
      }
      const first = await page.$eval("#captions .turn", (turn) => turn.getAttribute("data-speaker"));
      assert.equal(first, "ai", "the interviewer greets first");
      await snap(page, `interview-${name}`);
    });

    it("sends no media to Viva", async () => {
      const { page, requests } = watched;
      const { remotePort, protocol, answer } = await peerStats(page);
      assert.equal(protocol, "udp");
      assert.notEqual(remotePort, viva.port);
      const offered = [...answer.matchAll(/^a=candidate:\S+ \d+ udp \d+ \S+ (\d+) /gim)].map(([, port]) => Number(port));
      assert.ok(offered.includes(remotePort), `port ${remotePort} is one that the model's answer names`);
      for (const url of requests) assert.equal(new URL(url).host, `127.0.0.1:${viva.port}`, url);
      for (const url of (await doings(page)).sockets) assert.equal(new URL(url).host, `127.0.0.1:${viva.port}`, url);
    });

    it("comes back when the server line drops, and the call goes on", async () => {
      const { page } = watched;
      await page.evaluate(() => /** @type {any} */ (window).observed.sockets.at(-1).close());
      await page.waitForSelector('#banner[data-kind="wait"]');
      await until("a ready line", async () => (await state(page)).socket === "ready");
      await until("no banner", () => page.$eval("#banner", (banner) => /** @type {HTMLElement} */ (banner).hidden));
      assert.equal((await state(page)).peer, "connected");
    });

    it("ends on request and shows the record", async () => {
      const { page } = watched;
      await endInterview(page);
      assert.equal((await state(page)).phase, "ended");
      assert.match(await textOf(page, "#saved-text"), /You ended the interview\. The record holds \d+ turns?\./);
      const href = await page.$eval("#as-json", (link) => /** @type {HTMLAnchorElement} */ (link).href);
      const record = await page.evaluate((address) => fetch(address).then((response) => response.json()), href);
      assert.equal(record.meta.ended_by, "user_end");
      assert.deepEqual(new Set(record.turns.map((/** @type {{speaker: string}} */ { speaker }) => speaker)), new Set(["ai", "candidate"]));
      await snap(page, `saved-${name}`);
    });

    it("shows the record again after a reload, without a microphone", async () => {
      const { page } = watched;
      await page.reload();
      await page.waitForSelector('#saved[data-state="saved"]');
      assert.ok((await page.$$("#captions .turn")).length > 0);
      assert.equal(await page.evaluate(() => /** @type {any} */ (window).observed.peers.length), 0);
    });

    it("kept nothing in the browser and broke no rule", async () => {
      const { page, faults } = watched;
      const { stored, keys, violations } = await doings(page);
      assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
    });
  });
}
