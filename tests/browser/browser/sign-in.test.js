/** @file Signing in through a provider on another site, as a browser does it: PKCE, cookies, renewal, the ways that fail, and the way out. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { Organisation, SECRET } from "../harness/organisation.js";
import { captions, doings, endInterview, openPage, state, textOf, until } from "../harness/page.js";
import { PROJECT_KEY, PROVIDER_TOKEN, Provider, ROBIN } from "../harness/provider.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

const PHONE = { width: 390, height: 844 };

describe("signing in through a provider", () => {
  /** @type {Provider} */
  let provider;
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let watched;

  before(async () => {
    provider = await Provider.start();
    viva = await Viva.start({ ...provider.settings, JWT_SECRET: SECRET });
    provider.allowed.add(`${viva.url}/auth/callback`);
    browser = await launch("chromium", { microphone: makeMicrophone() });
    watched = await openPage(await browser.createBrowserContext(), PHONE);
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
    provider?.stop();
  });

  /** What the browser keeps for the server. @param {import("puppeteer-core").Page} page */
  const cookies = async (page) => (await page.browserContext().cookies()).filter(({ domain }) => domain === "127.0.0.1");

  /** From the sign-in page to the provider's, and back. @param {import("puppeteer-core").Page} page @param {"yes" | "no"} answer */
  async function through(page, answer) {
    await page.waitForSelector("#ways a");
    await page.click("#ways a");
    await page.waitForSelector(`#${answer}`);
    await Promise.all([page.waitForNavigation(), page.click(`#${answer}`)]);
  }

  /** @param {import("puppeteer-core").Page} page */
  const whoami = (page) => page.evaluate(() => fetch("/api/me").then(({ status }) => status));

  it("leaves with a challenge, comes back with a code, and lands where one wanted", async () => {
    const { page } = watched;
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForFunction(() => location.pathname === "/sign-in");
    await page.waitForSelector("#ways a");
    assert.equal(await textOf(page, "#ways"), "Continue with Google");
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "sign-in");
    await page.click("#ways a");
    await page.waitForSelector("#yes");
    const asked = new URL(page.url()).searchParams;
    assert.match(asked.get("code_challenge") ?? "", /^[\w-]{43}$/);
    assert.equal(asked.get("code_challenge_method"), "s256");
    assert.equal(asked.get("redirect_to"), `${viva.url}/auth/callback`);
    const away = await cookies(page);
    assert.deepEqual(away.map(({ name, httpOnly, sameSite, path }) => ({ name, httpOnly, sameSite, path })).sort((a, b) => a.name.localeCompare(b.name)), [
      { name: "viva_next", httpOnly: true, sameSite: "Lax", path: "/auth" },
      { name: "viva_sign_in", httpOnly: true, sameSite: "Lax", path: "/auth" },
    ]);
    await page.click("#yes");
    await page.waitForSelector("#overview:not([hidden])");
    assert.equal(new URL(page.url()).pathname, "/dashboard");
    assert.match(await textOf(page, "#who"), /Robin Arch.*robin@example\.org/);
    const [{ verifier }] = provider.exchanges;
    assert.equal(createHash("sha256").update(verifier).digest("base64url"), asked.get("code_challenge"), "the verifier went from server to server");
  });

  it("keeps one cookie, which no script and no other site sees", async () => {
    const { page, requests } = watched;
    const [cookie, ...more] = await cookies(page);
    assert.deepEqual(more, [], "nothing is left of the way");
    assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite, cookie.path, cookie.secure], ["viva_session", true, "Lax", "/", false]);
    const left = cookie.expires - Date.now() / 1_000;
    assert.ok(left > 11 * 3_600 && left <= 12 * 3_600, `half a day: ${left}`);
    // The rule of the pages' sources forbids reading it there; here a test looks for what it would find.
    assert.equal(await page.evaluate("document.cookie"), "");
    const { verifier } = provider.exchanges[0];
    const seen = [await page.content(), ...requests];
    for (const secret of [PROVIDER_TOKEN, PROJECT_KEY, verifier, cookie.value]) assert.ok(!seen.some((text) => text.includes(secret)), "a secret of the way is in the page or an address");
    for (const secret of [PROVIDER_TOKEN, PROJECT_KEY, verifier, cookie.value, ROBIN.email]) assert.ok(!viva.log.includes(secret), "a secret of the way is in the log");
  });

  it("gets another secret from time to time while a page is open", async () => {
    const { page } = await openPage(watched.page.browserContext(), PHONE);
    // Half an hour goes by in a moment.
    await page.evaluateOnNewDocument(() => {
      const every = window.setInterval;
      window.setInterval = /** @type {any} */ ((/** @type {() => void} */ act, /** @type {number} */ ms) => every(act, ms >= 1_800_000 ? 1_000 : ms));
    });
    const [before] = await cookies(page);
    await page.goto(`${viva.url}/past-calls`);
    await until("another secret", async () => (await cookies(page))[0].value !== before.value);
    assert.equal(await whoami(page), 200);
    await page.close();
    await watched.page.bringToFront();
  });

  it("gets another secret when it asks, and the old one is replaced once", async () => {
    const { page } = watched;
    const renew = () => page.evaluate(() => fetch("/auth/session", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then(({ status }) => status));
    const [before] = await cookies(page);
    assert.equal(await renew(), 204);
    const [renewed] = await cookies(page);
    assert.notEqual(renewed.value, before.value);
    assert.equal(await whoami(page), 200);
    // Somebody who has kept the old one: good for requests on their way, and for no other renewal.
    const thief = await openPage(await browser.createBrowserContext());
    await thief.page.goto(`${viva.url}/sign-in`);
    await thief.page.browserContext().setCookie({ name: "viva_session", value: before.value, domain: "127.0.0.1", path: "/", httpOnly: true, sameSite: "Lax" });
    assert.equal(await thief.page.evaluate(() => fetch("/auth/session", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }).then(({ status }) => status)), 401);
    await thief.page.close();
    await page.bringToFront();
  });

  it("says so when it was cancelled, and when the way back was not one's own", async () => {
    const { page } = await openPage(await browser.createBrowserContext(), PHONE);
    await page.goto(`${viva.url}/sign-in`);
    await through(page, "no");
    await page.waitForSelector('#notice[data-kind="fault"]');
    assert.match(await textOf(page, "#notice"), /cancelled at the provider/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "sign-in-denied");
    // Another browser's callback, put under this one: login CSRF.
    const other = await openPage(await browser.createBrowserContext());
    await other.page.goto(`${viva.url}/sign-in`);
    await other.page.waitForSelector("#ways a");
    await other.page.click("#ways a");
    await other.page.waitForSelector("#yes");
    const callback = await other.page.$eval("#yes", (link) => /** @type {HTMLAnchorElement} */ (link).href);
    await other.page.close();
    await page.bringToFront();
    await page.goto(callback);
    await page.waitForSelector('#notice[data-kind="fault"]');
    assert.match(await textOf(page, "#notice"), /took too long, or was begun in another browser/);
    assert.equal(await whoami(page), 401);
    await page.close();
  });

  it("is ended everywhere by one click", async () => {
    const { page } = watched;
    const phone = await openPage(await browser.createBrowserContext(), PHONE);
    await phone.page.goto(`${viva.url}/sign-in?next=%2Fpast-calls`);
    await through(phone.page, "yes");
    await phone.page.waitForSelector("#none:not([hidden])");
    assert.equal(new URL(phone.page.url()).pathname, "/past-calls");
    await page.bringToFront();
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    await page.click("#sign-out-everywhere");
    await page.waitForFunction(() => location.pathname === "/sign-in");
    assert.equal(await whoami(phone.page), 401);
    assert.deepEqual(await cookies(page), []);
    await phone.page.close();
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults: watched.faults }, { stored: [], keys: 0, violations: [], faults: [] });
  });

  it("keeps an interview that was held by an invitation, without an account", async () => {
    const acme = await Organisation.found(viva, "Acme Bridges");
    const { url, invitation } = await acme.invite();
    const { page, faults } = await openPage(await browser.createBrowserContext(), PHONE);
    await page.goto(url);
    await page.waitForSelector("#answer:not([hidden])");
    await page.type("#name", ROBIN.name);
    await page.click("#consent");
    await page.click("#recording");
    await page.click("#accept");
    await page.waitForFunction(() => location.pathname.startsWith("/interview/"));
    await until("a connected peer", async () => (await state(page)).peer === "connected");
    await until("words of the interviewer", async () => (await captions(page)).some(({ final }) => final));
    await endInterview(page);
    await page.waitForSelector("#keep:not([hidden])");
    assert.equal(await page.$eval("#another", (link) => /** @type {HTMLElement} */ (link).hidden), true, "a candidate starts no others");
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "keep-it", "whole");
    await page.click("#keep");
    await through(page, "yes");
    await page.waitForSelector("#claims li");
    assert.match(await textOf(page, "#claims"), /Acme Bridges interviewed you for the role of Bridge keeper in this browser/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "claim", "whole");
    await page.click("#claims button");
    await page.waitForSelector("#record:not([hidden])");
    assert.ok(page.url().endsWith(invitation.session_id));
    assert.match(await textOf(page, "#agreed"), /to the notice invitation-2026-11-21/);
    assert.equal((await page.$$("#turns .turn")).length > 0, true);
    await page.goto(`${viva.url}/past-calls`);
    await page.waitForSelector("#calls li");
    assert.equal((await page.$$("#claims li")).length, 0, "nothing is left to claim");
    const { items } = await acme.ask("GET", "/api/audit");
    assert.equal(items[0].action, "session.claimed");
    // The link leads whoever claimed it back, and nobody else.
    await page.goto(url);
    await until("the way back", async () => (await textOf(page, "#title")) === "You have accepted");
    assert.deepEqual(faults, []);
    await page.close();
  });
});
