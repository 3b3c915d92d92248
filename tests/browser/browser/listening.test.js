/** @file Live transcripts and translations: from the microphone or a file to words on the page and files to keep. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { captions, doings, openPage, textOf, told, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

/** Utterances of a tone with pauses: the simulator hears energy, not words. @param {number} utterances @returns {Buffer} a WAV file, 16 bit mono */
function spokenFile(utterances) {
  const rate = 16_000;
  const seconds = utterances * 3 + 1;
  const samples = Buffer.alloc(rate * seconds * 2);
  for (let at = 0; at < rate * seconds; at += 1) {
    const second = at / rate - 0.5;
    const speaks = second >= 0 && second % 3 < 1.6 && second < utterances * 3;
    if (speaks) samples.writeInt16LE(Math.round(9_000 * Math.sin((2 * Math.PI * 220 * at) / rate) * (0.6 + 0.4 * Math.sin((2 * Math.PI * 5 * at) / rate))), at * 2);
  }
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

describe("listening", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {string} */
  let folder;

  before(async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone: makeMicrophone() });
    folder = await mkdtemp(join(tmpdir(), "viva-listening-"));
    await writeFile(join(folder, "meeting.wav"), spokenFile(2));
    await writeFile(join(folder, "notes.wav"), "these are no sounds");
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** @param {string} address */
  async function open(address) {
    const watched = await openPage(browser, { width: 390, height: 844 });
    await watched.page.goto(viva.url + address);
    await watched.page.waitForFunction(() => document.querySelectorAll("#consent-notice li").length > 0);
    return watched;
  }

  /** @param {import("puppeteer-core").Page} page @param {string} name */
  async function choose(page, name) {
    await page.click('input[name="source"][value="file"]');
    const input = /** @type {import("puppeteer-core").ElementHandle<HTMLInputElement>} */ (await page.$("#file"));
    await input.uploadFile(join(folder, name));
  }

  /** @param {import("puppeteer-core").Page} page */
  const finals = async (page) => (await captions(page)).filter(({ final }) => final);

  it("writes down who speaks into the microphone, word by word, and hands out the record", async () => {
    const { page, faults } = await open("/transcribe");
    await page.select("#languages", "de", "en");
    await page.type("#title", "Weekly meeting");
    await page.click("#consent");
    assert.deepEqual(await accessibilityFaults(page), []);
    const sent = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/api/sessions"));
    await page.click("#begin");
    const { consent, ...wishes } = JSON.parse((await sent).postData() ?? "{}");
    assert.deepEqual(wishes, { kind: "transcription", title: "Weekly meeting", languages: ["de", "en"] });
    assert.equal(consent.version, "listening-2026-11-21");
    await until("a turn", async () => (await finals(page)).length >= 1);
    const partial = (await told(page)).filter(({ type, final }) => type === "user_caption" && final === false);
    assert.ok(partial.length > 1, "words come while they are spoken");
    assert.equal((await told(page)).filter(({ type }) => type === "agent_caption").length, 0);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "transcribe", "whole");
    await page.click("#end");
    await page.waitForSelector("#saved:not([hidden])");
    assert.match(await textOf(page, "#saved-text"), /You stopped it\. The record holds \d+ turn/);
    const words = (await finals(page))[0].words;
    for (const [format, begins] of [["txt", /^Transcript\n/], ["srt", /^1\n00:/], ["vtt", /^WEBVTT\n/]]) {
      const address = await page.$eval(`#saved [data-format="${format}"]`, (link) => /** @type {HTMLAnchorElement} */ (link).href);
      const text = await page.evaluate(async (url) => (await fetch(url)).text(), address);
      assert.match(text, /** @type {RegExp} */ (begins));
      assert.ok(text.includes(words), `${format}: ${text}`);
    }
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
    // Loaded again it shows the record, and calls nobody.
    const sockets = (await doings(page)).sockets.length;
    await page.reload();
    await page.waitForSelector("#saved:not([hidden])");
    assert.ok(sockets > 0);
    assert.equal((await doings(page)).sockets.length, 0);
    assert.equal((await finals(page))[0].words, words);
    await page.close();
  });

  it("plays a file of this machine to the model, uploads nothing, and stops when it is over", async () => {
    const { page, requests } = await open("/transcribe");
    await choose(page, "meeting.wav");
    await page.click("#consent");
    /** @type {number[]} */
    const bodies = [];
    page.on("request", (request) => bodies.push((request.postData() ?? "").length));
    await page.click("#begin");
    await page.waitForSelector("#player audio");
    await page.waitForSelector("#saved:not([hidden])");
    const written = await finals(page);
    assert.equal(written.length, 2, JSON.stringify(written));
    assert.ok(bodies.every((length) => length < 20_000), `nothing as large as the file was sent: ${Math.max(...bodies)}`);
    // The browser's own controls of a player have pictures of their own, as data.
    const outside = requests.filter((url) => !url.startsWith("data:") && !url.replace(/^blob:/, "").startsWith(`${viva.url}/`));
    assert.deepEqual(outside, []);
    assert.equal((await told(page)).at(-1)?.type, "interview_saved");
    await page.close();
  });

  it("says beside the field what is missing or cannot be played, and makes no session of it", async () => {
    const { page } = await open("/transcribe");
    await page.click('input[name="source"][value="file"]');
    await page.click("#begin");
    assert.equal(await textOf(page, "#file + .field-error"), "Choose a file first.");
    await choose(page, "notes.wav");
    await page.click("#consent");
    await page.click("#begin");
    await until("the refusal", async () => /cannot be played/.test(await textOf(page, "#notice")));
    const made = await page.evaluate(async () => (await (await fetch("/api/sessions?kind=transcription&limit=100")).json()).items.length);
    assert.ok(made <= 2, "no session was made");
    assert.equal(await page.$eval("body", (body) => body.dataset.phase), "setup");
    await page.close();
  });

  it("translates aloud and in writing, with both texts on the page", async () => {
    const { page, faults } = await open("/translate");
    await page.select("#target", "fr");
    await page.click("#consent");
    assert.deepEqual(await accessibilityFaults(page), []);
    const sent = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/api/sessions"));
    await page.click("#begin");
    const { consent, ...wishes } = JSON.parse((await sent).postData() ?? "{}");
    assert.deepEqual(wishes, { kind: "translation", target_language: "fr" });
    assert.ok(consent.text_hash);
    await until("a translated turn", async () => (await finals(page)).some(({ speaker, words }) => speaker === "ai" && words.includes("[fr]")));
    assert.equal((await captions(page))[0].speaker, "candidate", "what was said stands before what became of it");
    const audible = await page.$eval("#voice", (voice) => /** @type {HTMLAudioElement} */ (voice).srcObject !== null && !(/** @type {HTMLAudioElement} */ (voice).paused));
    assert.ok(audible, "the translation is played");
    await snap(page, "translate", "whole");
    await page.click("#end");
    await page.waitForSelector("#saved:not([hidden])");
    const address = await page.$eval('#saved [data-format="vtt"]', (link) => /** @type {HTMLAnchorElement} */ (link).href);
    assert.match(await page.evaluate(async (url) => (await fetch(url)).text(), address), /<v Translation>\s?\[fr\]/);
    assert.deepEqual(faults, []);
    await page.close();
  });
});
