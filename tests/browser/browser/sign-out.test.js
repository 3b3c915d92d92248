/** @file Pages of a server without guests: nobody sees them before signing in, everybody comes back to where they were going, and out again. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, openPage, textOf } from "../harness/page.js";
import { SECRET, tokenOf } from "../harness/people.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

const ADA = { sub: "ada", name: "Ada", email: "ada@example.org" };

describe("a server without guests", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let watched;

  before(async () => {
    viva = await Viva.start({ JWT_SECRET: SECRET });
    browser = await launch("chromium", { microphone: makeMicrophone() });
    watched = await openPage(browser, { width: 390, height: 844 });
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
  });

  /** What the sign-in page does at the end of its way: the browser gets its cookie. @param {import("puppeteer-core").Page} page */
  async function signIn(page) {
    const status = await page.evaluate(
      (token) => fetch("/auth/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) }).then((response) => response.status),
      tokenOf(ADA),
    );
    assert.equal(status, 204);
  }

  for (const address of ["/dashboard", "/start", "/past-calls", "/api-keys", "/admin"]) {
    it(`${address} asks to sign in first, and remembers where one was going`, async () => {
      const { page } = watched;
      await page.goto(viva.url + address);
      await page.waitForFunction(() => location.pathname === "/sign-in");
      assert.equal(new URL(page.url()).searchParams.get("next"), address);
    });
  }

  it("shows who is signed in, and signs them out", async () => {
    const { page, faults } = watched;
    await signIn(page);
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    assert.match(await textOf(page, "#who"), /Ada.*ada@example\.org/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "dashboard-signed-in", "whole");
    await page.click("#sign-out");
    await page.waitForFunction(() => location.pathname === "/sign-in");
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForFunction(() => location.pathname === "/sign-in");
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
  });

  it("signs out of every browser at once", async () => {
    const { page } = watched;
    await signIn(page);
    const other = await (await browser.createBrowserContext()).newPage();
    await other.goto(`${viva.url}/sign-in`);
    await signIn(other);
    await page.bringToFront();
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    await page.click("#sign-out-everywhere");
    await page.waitForFunction(() => location.pathname === "/sign-in");
    assert.equal(await other.evaluate(() => fetch("/api/me").then(({ status }) => status)), 401);
    await other.close();
  });

  it("keeps what was filled in when one is signed out meanwhile", async () => {
    const { page } = watched;
    await page.goto(`${viva.url}/sign-in`);
    await signIn(page);
    await page.goto(`${viva.url}/start`);
    await page.waitForSelector('input[name="plan"][value="short"]');
    await page.type("#resume", "Eight years of ledgers.");
    await page.click("#consent");
    await page.evaluate(() => fetch("/auth/logout", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }));
    await page.click("#begin");
    await page.waitForSelector('#notice[data-kind="wait"]');
    assert.match(await textOf(page, "#notice"), /stays here/);
    assert.equal(await page.$eval("#resume", (area) => /** @type {HTMLTextAreaElement} */ (area).value), "Eight years of ledgers.");
    // As in another tab.
    await signIn(page);
    await page.click("#begin");
    await page.waitForFunction(() => location.pathname.startsWith("/interview/"));
  });
});
