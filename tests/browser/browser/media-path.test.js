/** @file The media's way, proven by the kernel: with the model in another process, Viva's process owns no media socket. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BROWSERS, launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { endInterview, openPage, peerStats, startInterview, state, textOf, until } from "../harness/page.js";
import { udpPorts } from "../harness/sockets.js";
import { Viva, startSimulator } from "../harness/viva.js";

const microphone = makeMicrophone();
/** A second of sound, however the model packs it. */
const SOME_PACKETS = 50;

for (const name of BROWSERS) {
  describe(`with the model in a process of its own, in ${name}`, () => {
    /** @type {import("../harness/viva.js").Simulator} */
    let simulator;
    /** @type {Viva} */
    let viva;
    /** @type {import("puppeteer-core").Browser} */
    let browser;
    /** @type {import("puppeteer-core").Page} */
    let page;

    before(async () => {
      simulator = await startSimulator();
      viva = await Viva.start({ OPENAI_BASE_URL: simulator.url, OPENAI_API_KEY: simulator.key });
      browser = await launch(name, { microphone });
      ({ page } = await openPage(browser, { firefoxSpeech: name === "firefox" ? microphone.utterances : undefined }));
      await startInterview(page, viva.url);
      await until("a connected peer", async () => (await state(page)).peer === "connected");
    });
    after(async () => {
      await browser?.close();
      await viva?.stop();
      await simulator?.stop();
    });

    it("sound flows between browser and model", async () => {
      await until("received audio energy", async () => (await peerStats(page)).energy > 0);
      const { remotePort } = await peerStats(page);
      assert.ok(udpPorts(simulator.pid).has(remotePort), "the far port is the simulator's");
      assert.deepEqual([...udpPorts(viva.pid)], [], "Viva has no UDP socket at all");
    });

    it("sound goes on while Viva stands still", async () => {
      viva.freeze();
      try {
        const { packets } = await peerStats(page);
        await until("more sound", async () => (await peerStats(page)).packets > packets + SOME_PACKETS);
      } finally {
        viva.thaw();
      }
      assert.equal((await state(page)).peer, "connected");
    });

    it("the key reaches neither page nor answer", async () => {
      const { answer } = await peerStats(page);
      const html = await page.content();
      assert.ok(!answer.includes(simulator.key) && !html.includes(simulator.key));
    });

    it("and the interview is recorded from both sides all the same", async () => {
      for (const speaker of ["ai", "candidate"]) await page.waitForSelector(`#captions [data-speaker="${speaker}"][data-final="yes"]`);
      assert.equal(await textOf(page, "#control"), "Recorded by the server");
      await endInterview(page);
    });
  });
}
