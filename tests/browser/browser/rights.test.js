/** @file What people may ask of what is stored about them, by click: taking a consent back in mid-call, a copy, and erasure. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { captions, doings, endInterview, openPage, startInterview, state, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva, startSimulator } from "../harness/viva.js";
import { startWire } from "../harness/wire.js";

describe("somebody's rights over what is stored", () => {
  /** @type {import("../harness/viva.js").Simulator} */
  let model;
  /** @type {Awaited<ReturnType<typeof startWire>>} */
  let wire;
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let watched;
  /** @type {string} */
  let downloads;

  before(async () => {
    model = await startSimulator();
    wire = await startWire(model.url);
    viva = await Viva.start({ OPENAI_BASE_URL: wire.url, OPENAI_API_KEY: model.key });
    downloads = await mkdtemp(join(tmpdir(), "viva-downloads-"));
    browser = await launch("chromium", { microphone: makeMicrophone() });
    watched = await openPage(browser, { width: 390, height: 844 });
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
    wire?.stop();
    await model?.stop();
    await rm(downloads, { recursive: true, force: true });
  });

  /** What the page's own cookie is told. @param {string} path @returns {Promise<{status: number, body: any}>} */
  const ask = (path) =>
    watched.page.evaluate(async (address) => {
      const response = await fetch(address);
      return { status: response.status, body: await response.json() };
    }, path);

  const hangUps = () => wire.requests.filter((line) => /^POST \/v1\/realtime\/calls\/[^/]+\/hangup /.test(line)).length;

  /** Types the word into the question and says yes. @param {string} word */
  async function typeAndConfirm(word) {
    const { page } = watched;
    await page.waitForSelector("#confirm[open]");
    await page.type("#confirm-word", word);
    await page.click('#confirm button[value="yes"]');
  }

  it("what was agreed to is stored with the hash of what was shown, for every ticket", async () => {
    const { page } = watched;
    await page.goto(`${viva.url}/`);
    await until("the provider's sentence", async () => /simulat|model/i.test(await textOf(page, "#consent-notice")) && (await textOf(page, "#pulse-text")) === "Ready");
    const lines = await page.$$eval("#consent-notice li", (items) => items.map(({ textContent }) => textContent ?? ""));
    await startInterview(page, viva.url);
    await until("a connected peer", async () => (await state(page)).peer === "connected");
    const { body } = await ask(`/api/sessions/${page.url().split("/").at(-1)}/consents`);
    const hash = createHash("sha256").update(lines.join("\n")).digest("hex");
    assert.equal(body.items.length, 2, "one for the ticket of the start, one for that of the interview page");
    for (const consent of body.items) {
      assert.deepEqual([consent.version, consent.locale, consent.text_hash, consent.withdrawn_at], ["2026-11-21", "en", hash, null]);
      assert.ok(Math.abs(Date.parse(consent.agreed_at) - Date.now()) < 120_000);
    }
  });

  it("a consent that is taken back in mid-call hangs up, ends the interview and offers erasure", async () => {
    const { page } = watched;
    await until("words of the interviewer", async () => (await captions(page)).some(({ final }) => final));
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "withdraw-live");
    const before = hangUps();
    await page.click("#withdraw");
    await page.waitForSelector("#confirm[open]");
    assert.match(await textOf(page, "#confirm-text"), /hung up at once/);
    await page.keyboard.press("Escape");
    await page.waitForSelector("#confirm", { hidden: true });
    assert.equal((await state(page)).peer, "connected", "Escape goes on");
    await page.click("#withdraw");
    await page.waitForSelector("#confirm[open]");
    await snap(page, "withdraw-asked");
    await page.click('#confirm button[value="yes"]');
    await page.waitForSelector('#saved[data-state="saved"]');
    assert.equal(await textOf(page, "#saved-title"), "Consent taken back");
    assert.match(await textOf(page, "#saved-text"), /call was hung up .* until you have it erased/);
    await until("a hang-up at the model", async () => hangUps() > before);
    const id = page.url().split("/").at(-1);
    const { body: session } = await ask(`/api/sessions/${id}`);
    assert.deepEqual([session.ended_by, session.live], ["consent_withdrawn", false]);
    const { body: consents } = await ask(`/api/sessions/${id}/consents`);
    for (const { withdrawn_at } of consents.items) assert.ok(withdrawn_at);
    assert.equal(await page.$eval("#withdraw", (button) => /** @type {HTMLElement} */ (button).hidden), true);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "withdraw-saved", "whole");
  });

  it("erasing it takes a typed word, and says what became of it", async () => {
    const { page } = watched;
    const id = page.url().split("/").at(-1);
    await page.click("#erase");
    await page.waitForSelector("#confirm[open]");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "confirm-word");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.type("#confirm-word", "eras");
    await page.keyboard.press("Enter");
    assert.equal(await page.$eval('#confirm button[value="yes"]', (button) => /** @type {HTMLButtonElement} */ (button).disabled), true);
    await snap(page, "erase-asked");
    await page.type("#confirm-word", "e");
    await page.keyboard.press("Enter");
    await page.waitForSelector('#saved[data-state="erased"]');
    assert.equal(await textOf(page, "#saved-title"), "Erased");
    assert.equal((await page.$$("#captions .turn")).length, 0, "the words are not left on the page");
    assert.equal((await ask(`/api/sessions/${id}`)).status, 404);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "erased");
  });

  it("an interview of the past shows its consent, lets it be taken back, and is erased", async () => {
    const { page } = watched;
    await startInterview(page, viva.url);
    await until("words of the interviewer", async () => (await captions(page)).some(({ final }) => final));
    await endInterview(page);
    const id = page.url().split("/").at(-1);
    await page.goto(`${viva.url}/past-calls/${id}`);
    await page.waitForSelector("#rights:not([hidden])");
    assert.match(await textOf(page, "#agreed"), /^Agreed .* to the notice 2026-11-21 \(en\)/);
    await snap(page, "past-call-rights", "whole");
    await page.click("#withdraw");
    await page.waitForSelector("#confirm[open]");
    assert.doesNotMatch(await textOf(page, "#confirm-text"), /hung up/);
    await page.click('#confirm button[value="yes"]');
    await until("the consent as it stands", async () => /taken back/.test(await textOf(page, "#agreed")));
    assert.equal(await page.$eval("#withdraw", (button) => /** @type {HTMLElement} */ (button).hidden), true);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "erase", "what can be done next has the focus");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.keyboard.press("Enter");
    await typeAndConfirm("ERASE");
    await page.waitForSelector("#erased");
    assert.match(await textOf(page, "main"), /not stored here any more.*30 days/);
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.equal((await ask(`/api/sessions/${id}`)).status, 404);
    await page.goto(`${viva.url}/past-calls`);
    await page.waitForSelector("#none:not([hidden])");
  });

  it("everything that is stored comes as one file", async () => {
    const { page } = watched;
    await startInterview(page, viva.url);
    await until("words of the interviewer", async () => (await captions(page)).some(({ final }) => final));
    await endInterview(page);
    const [{ words }] = await captions(page);
    const id = page.url().split("/").at(-1);
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    const devtools = await browser.target().createCDPSession();
    await devtools.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads });
    await page.click("#export");
    const text = await until("the file", async () => {
      const file = (await readdir(downloads)).find((name) => name.endsWith(".json"));
      return file ? readFile(join(downloads, file), "utf8") : null;
    });
    const stored = JSON.parse(text);
    const { body: me } = await ask("/api/me");
    assert.equal(stored.person.id, me.user.id);
    assert.equal(stored.interviews.length, 1, "what was erased is not in it");
    assert.equal(stored.interviews[0].meta.session_id, id);
    assert.ok(stored.interviews[0].text.includes(words.split("\n")[0]), "word for word");
    assert.equal(stored.interviews[0].consents[0].version, "2026-11-21");
  });

  it("an account is erased when the word was typed, and not by accident", async () => {
    const { page, faults } = watched;
    const before = (await ask("/api/me")).body.user.id;
    await page.click("#erase-me");
    await page.waitForSelector("#confirm[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#confirm", { hidden: true });
    assert.equal((await ask("/api/me")).status, 200);
    await page.click("#erase-me");
    await page.waitForSelector("#confirm[open]");
    await snap(page, "erase-account-asked");
    await typeAndConfirm("erase");
    await page.waitForSelector("#erased");
    assert.match(await textOf(page, "main"), /Nothing about you is stored here any more, and you are signed out/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "erased-account");
    assert.equal((await ask("/api/me")).status, 401);
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    assert.notEqual((await ask("/api/me")).body.user.id, before, "whoever comes now is somebody new");
    await page.waitForSelector("#none:not([hidden])");
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
  });
});
