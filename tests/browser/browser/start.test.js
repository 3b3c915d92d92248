/** @file Setting up an interview at `/start`: what is filled in arrives, what is wrong is said beside its field, nothing typed is lost. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, openPage, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

describe("setting up an interview", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {string} */
  let folder;

  before(async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone: makeMicrophone() });
    folder = await mkdtemp(join(tmpdir(), "viva-documents-"));
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** @param {{width?: number, height?: number}} [size] */
  async function open(size) {
    const watched = await openPage(browser, size);
    await watched.page.goto(`${viva.url}/start`);
    await watched.page.waitForSelector('input[name="plan"][value="short"]');
    return watched;
  }

  /** @param {import("puppeteer-core").Page} page @param {string} name @param {string} text */
  async function choose(page, name, text) {
    const path = join(folder, name);
    await writeFile(path, text);
    const input = /** @type {import("puppeteer-core").ElementHandle<HTMLInputElement>} */ (await page.$("#resume-file"));
    await input.uploadFile(path);
  }

  it("sends all that was filled in, with the notice that was shown", async () => {
    const { page, faults, requests } = await open({ width: 390, height: 844 });
    await page.click('input[name="plan"][value="short"]');
    await page.type("#name", "Ada Start");
    await page.type("#email", "ada@example.org");
    await page.type("#role", "Keeper of ledgers");
    await page.select("#level", "senior");
    await page.select("#language", "de");
    await page.select("#voice", "cedar");
    await page.type("#resume", "Eight years of ledgers.\nNo hour of downtime.");
    await page.type("#job", "Keeps ledgers.");
    await page.click("#include");
    await page.select("#time", "200");
    await page.click("#consent");
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "setup", "whole");
    const lines = await page.$$eval("#consent-notice li", (items) => items.map(({ textContent }) => textContent ?? ""));
    const sent = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/api/sessions"));
    const answered = page.waitForResponse((response) => response.url().endsWith("/api/sessions"));
    await page.click("#begin");
    const { consent, ...wishes } = JSON.parse((await sent).postData() ?? "{}");
    assert.equal((await answered).status(), 201);
    assert.deepEqual(wishes, {
      kind: "interview",
      plan: "short",
      candidate_name: "Ada Start",
      candidate_email: "ada@example.org",
      job_role: "Keeper of ledgers",
      experience_level: "senior",
      language: "de",
      voice: "cedar",
      resume_text: "Eight years of ledgers.\nNo hour of downtime.",
      job_description: "Keeps ledgers.",
      include_profile: false,
      time_percent: 200,
    });
    const digest = Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(lines.join("\n")))).toString("hex");
    assert.equal(consent.text_hash, digest);
    assert.match(lines.join(" "), /simulated interviewer/, "the notice says where the voice goes");
    await page.waitForFunction(() => location.pathname.startsWith("/interview/"));
    const session = await page.evaluate(() => fetch(`/api/sessions/${location.pathname.split("/")[2]}`).then((response) => response.json()));
    assert.deepEqual(
      [session.candidate_email, session.experience_level, session.has_resume, session.has_jd, session.include_profile, session.language, session.voice],
      ["ada@example.org", "senior", true, true, false, "de", "cedar"],
    );
    for (const url of requests) assert.doesNotMatch(url, /Ada|ada@|ek_viva/, "nothing personal or secret in an address");
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
    await page.close();
  });

  it("says what is wrong beside its field and keeps what was typed", async () => {
    const { page } = await open();
    await page.type("#name", "Ada");
    await page.type("#email", "not an address");
    await page.type("#resume", "Eight years.");
    await page.click("#consent");
    await page.click("#begin");
    await page.waitForSelector("#email-wrong");
    assert.equal(await textOf(page, "#email-wrong"), "This must be an e-mail address.");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "email");
    assert.equal(await page.$eval("#email", (field) => field.getAttribute("aria-errormessage")), "email-wrong");
    const kept = await page.evaluate(() => Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (document.querySelector("#start")))));
    assert.deepEqual([kept.candidate_name, kept.candidate_email, kept.resume_text], ["Ada", "not an address", "Eight years."]);
    await page.type("#email", "!");
    assert.equal(await page.$("#email-wrong"), null, "it is gone as soon as it is looked after");
    await page.close();
  });

  it("does not begin with a document that is too long, and cuts only when asked", async () => {
    const { page, requests } = await open({ width: 390, height: 844 });
    await page.click("#consent");
    await page.$eval("#job", (area) => {
      /** @type {HTMLTextAreaElement} */ (area).value = "ledger ".repeat(300);
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
    assert.equal(await textOf(page, "#job-count"), "2,099 of 2,000");
    await page.click("#begin");
    assert.match(await textOf(page, "#job-wrong"), /99 characters too long/);
    assert.ok(!requests.some((url) => url.endsWith("/api/sessions")));
    await page.click("#job-notice button");
    const cut = await page.$eval("#job", (area) => /** @type {HTMLTextAreaElement} */ (area).value);
    assert.ok(cut.length <= 2_000 && cut.endsWith("ledger"), "between words");
    await page.click("#job-notice button");
    assert.equal(await page.$eval("#job", (area) => /** @type {HTMLTextAreaElement} */ (area).value.length), 2_100, "put back");
    await page.close();
  });

  it("reads a file into the field, says when it was cut, and gives back what stood there", async () => {
    const { page, faults } = await open({ width: 390, height: 844 });
    await page.type("#resume", "My own words.");
    await choose(page, "résumé.md", "# Ada\n\nEight years of ledgers.");
    await page.waitForSelector('#resume-notice[data-kind="note"]');
    assert.equal(await page.$eval("#resume", (area) => /** @type {HTMLTextAreaElement} */ (area).value), "# Ada\n\nEight years of ledgers.");
    await page.click("#resume-notice button");
    assert.equal(await page.$eval("#resume", (area) => /** @type {HTMLTextAreaElement} */ (area).value), "My own words.");
    await choose(page, "long.txt", "Ledgers. ".repeat(700));
    await page.waitForSelector('#resume-notice[data-kind="wait"]');
    assert.match(await textOf(page, "#resume-notice"), /“long\.txt” was cut.*6,299 characters, and 3,000 fit/);
    assert.match(await textOf(page, "#resume-count"), /^(2,9\d\d|3,000) of 3,000$/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "setup-cut", "whole");
    assert.deepEqual(faults, []);
    await page.close();
  });

  it("reads a PDF", async () => {
    const { page } = await open();
    await choose(page, "cv.PDF", pdf("Eight years of ledgers"));
    await page.waitForSelector('#resume-notice[data-kind="note"]');
    assert.equal(await page.$eval("#resume", (area) => /** @type {HTMLTextAreaElement} */ (area).value), "Eight years of ledgers");
    await page.close();
  });

  it("takes a file that is dropped on the field, and loses nothing to one that misses it", async () => {
    const { page } = await open();
    await page.type("#name", "Ada");
    const drop = (/** @type {string} */ selector) =>
      page.$eval(selector, (target) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["Keeps ledgers."], "job.txt"));
        const [over, dropped] = ["dragover", "drop"].map((name) => new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
        target.dispatchEvent(over);
        target.dispatchEvent(dropped);
        // What nobody prevents the browser does itself: it opens the file in place of the page.
        return over.defaultPrevented && dropped.defaultPrevented;
      });
    assert.equal(await drop("h1"), true);
    assert.equal(await drop("#job"), true);
    await page.waitForSelector('#job-notice[data-kind="note"]');
    assert.equal(await page.$eval("#job", (area) => /** @type {HTMLTextAreaElement} */ (area).value), "Keeps ledgers.");
    assert.equal(await page.$eval("#job-box", (box) => /** @type {HTMLElement} */ (box).dataset.over), undefined);
    assert.equal(await page.$eval("#name", (field) => /** @type {HTMLInputElement} */ (field).value), "Ada");
    await page.close();
  });

  it("shows how much was sent over a slow line, does not begin meanwhile, and stops when asked", async () => {
    const { page, requests } = await open();
    await page.type("#resume", "My own words.");
    await page.click("#consent");
    await page.emulateNetworkConditions({ offline: false, upload: 50_000, download: 50_000, latency: 0 });
    await choose(page, "long.txt", "Ledgers. ".repeat(200_000));
    await until("some of it sent", () => page.$eval("#resume-progress", (bar) => /** @type {HTMLProgressElement} */ (bar).position > 0));
    assert.match(await textOf(page, "#resume-doing"), /Sending “long\.txt”/);
    await page.click("#begin");
    assert.match(await textOf(page, "#resume-wrong"), /still being read/);
    assert.ok(!requests.some((url) => url.endsWith("/api/sessions")));
    await page.click("#resume-stop");
    await page.waitForSelector('#resume-notice[data-kind="note"]');
    assert.match(await textOf(page, "#resume-notice"), /You stopped it/);
    assert.equal(await page.$eval("#resume", (area) => /** @type {HTMLTextAreaElement} */ (area).value), "My own words.");
    await page.close();
  });

  it("says why a file was not read, and leaves the field alone", async () => {
    const { page } = await open();
    await page.type("#resume", "My own words.");
    await choose(page, "photo.png", "no document");
    await page.waitForSelector('#resume-notice[data-kind="fault"]');
    assert.match(await textOf(page, "#resume-notice"), /“photo\.png” was not read.*Choose a PDF/);
    await choose(page, "broken.pdf", "%PDF-1.7 and then nothing of the kind");
    await until("the server's word", async () => /“broken\.pdf” was not read.*damaged.*Paste the text/.test(await textOf(page, "#resume-notice")));
    assert.equal(await page.$eval("#resume", (area) => /** @type {HTMLTextAreaElement} */ (area).value), "My own words.");
    assert.equal(await page.$eval("#resume-pick", (button) => /** @type {HTMLButtonElement} */ (button).disabled), false);
    await page.close();
  });

  it("shows what extra time means for the plan", async () => {
    const { page } = await open();
    const facts = () => page.$eval('label.plan:has([value="default"]) .aside', ({ textContent }) => textContent);
    assert.match((await facts()) ?? "", /at most 12 minutes/);
    await page.select("#time", "200");
    assert.match((await facts()) ?? "", /at most 24 minutes/);
    await page.close();
  });
});

/** A PDF of one line, as small as they get. @param {string} line without brackets or backslashes */
function pdf(line) {
  const text = `BT /F1 12 Tf 72 720 Td (${line}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
  ];
  let body = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const at = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return String(at).padStart(10, "0");
  });
  const entries = offsets.map((at) => `${at} 00000 n \n`).join("");
  return `${body}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${entries}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
}
