/** @file From an invitation's link to the saved interview, on a phone, as somebody without an account does it. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { Organisation, SECRET } from "../harness/organisation.js";
import { captions, endInterview, openPage, record, state, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

const PHONE = { width: 390, height: 844 };

describe("an invitation", () => {
  /** @type {Viva} */
  let viva;
  /** @type {Organisation} */
  let acme;
  /** @type {import("puppeteer-core").Browser} */
  let browser;

  before(async () => {
    viva = await Viva.start({ JWT_SECRET: SECRET });
    acme = await Organisation.found(viva, "Acme Bridges");
    browser = await launch("chromium", { microphone: makeMicrophone() });
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
  });

  /** Opens a link in a browser that has never been here. @param {string} url */
  async function open(url) {
    const watched = await openPage(await browser.createBrowserContext(), PHONE);
    await watched.page.goto(url);
    await watched.page.waitForSelector('#main:not([aria-busy="true"])');
    return watched;
  }

  /** @param {import("puppeteer-core").Page} page */
  const title = (page) => textOf(page, "#title");

  /** @param {import("puppeteer-core").Page} page */
  async function accept(page) {
    await page.bringToFront();
    await page.type("#name", "Robin Arch");
    await page.click("#consent");
    await page.click("#recording");
    await page.click("#accept");
    await page.waitForFunction(() => location.pathname.startsWith("/interview/"));
    await until("a connected peer", async () => (await state(page)).peer === "connected");
  }

  /** @param {import("puppeteer-core").Page} page @param {"ai" | "candidate"} speaker */
  const said = (page, speaker) => until(`final words of ${speaker}`, async () => (await captions(page)).some((turn) => turn.speaker === speaker && turn.final));

  it("leads to a saved interview", async () => {
    const { url, invitation } = await acme.invite();
    const token = /** @type {string} */ (url.split("/").pop());
    const { page, faults, requests } = await open(url);
    assert.equal(await title(page), "Acme Bridges invites you to an interview");
    assert.match(await textOf(page, "#facts"), /Bridge keeper.*Grace, room 4/s);
    const notice = await textOf(page, "#consent-notice");
    for (const told of ["an AI, not to a person", "stored here as text", "180 days", "have it erased", "Grace, room 4"]) assert.ok(notice.includes(told), told);
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing hangs over the side");
    await snap(page, "invitation", "whole");

    // Each tick is asked for, and nothing happens without them.
    await page.click("#accept");
    assert.match(await textOf(page, "#consent-error"), /first box/);
    await page.keyboard.press("Space");
    await page.click("#accept");
    assert.match(await textOf(page, "#consent-error"), /second box/);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "recording");
    await page.click("#consent");

    await accept(page);
    assert.ok(page.url().endsWith(invitation.session_id));
    await said(page, "ai");
    await said(page, "candidate");
    await endInterview(page);
    const { turns, meta } = await record(page);
    assert.deepEqual([meta.candidate_name, meta.ended_by], ["Robin Arch", "user_end"]);
    assert.ok(turns.length >= 2);
    assert.equal(requests.filter((address) => address.includes(token)).length, 1, "the token is in the page's own address only");
    assert.deepEqual(faults, []);

    const seen = await acme.ask("GET", `/api/sessions/${invitation.session_id}`);
    assert.deepEqual([seen.status, seen.candidate_turns > 0], ["completed", true], "whoever invited sees it");
    const { items } = await acme.ask("GET", "/api/invitations");
    assert.equal(items[0].status, "accepted");
    assert.ok(!viva.log.includes(token), "no log has the token");
  });

  it("survives two reloads, and the link leads the same browser back", async () => {
    const { url, invitation } = await acme.invite({ email: "robin@example.org" });
    const { page, faults } = await open(url);
    await page.type("#email", "eve@example.org");
    await page.click("#consent");
    await page.click("#recording");
    await page.click("#accept");
    await until("a refusal", async () => (await textOf(page, "#notice")).startsWith("This is not the address"));
    await page.$eval("#email", (field) => void (/** @type {HTMLInputElement} */ (field).value = ""));
    await page.type("#email", "Robin@Example.org ");
    await page.click("#consent");
    await page.click("#recording");
    await accept(page);
    await said(page, "ai");
    for (const round of [1, 2]) {
      await page.reload();
      await until(`a connected peer after reload ${round}`, async () => (await state(page)).peer === "connected");
    }
    await page.goto(url);
    await until("the way back", async () => (await title(page)) === "You have accepted");
    await page.click("#go-on");
    await until("a connected peer by the link", async () => (await state(page)).peer === "connected");

    const { page: other } = await open(url);
    assert.equal(await title(other), "This invitation was accepted");
    await other.close();
    await page.bringToFront();
    await said(page, "candidate");
    await endInterview(page);
    const { turns, meta } = await record(page);
    const items = turns.map((/** @type {{item_id: string}} */ { item_id }) => item_id);
    assert.deepEqual([new Set(items).size, meta.session_id], [items.length, invitation.session_id], "one interview, each turn once");
    assert.deepEqual(faults, []);
  });

  it("has a page for each end", async () => {
    const declined = await acme.invite();
    const { page } = await open(declined.url);
    await page.click("#decline");
    await page.waitForSelector("#confirm[open]");
    await page.keyboard.press("Escape");
    assert.equal(await title(page), "Acme Bridges invites you to an interview", "nothing happened");
    await page.click("#decline");
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await until("a goodbye", async () => (await title(page)) === "You have declined");
    await page.reload();
    await until("the end", async () => (await title(page)) === "This invitation was declined");
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "invitation-declined");

    const revoked = await acme.invite();
    await acme.ask("DELETE", `/api/invitations/${revoked.invitation.id}`);
    const { page: taken } = await open(revoked.url);
    assert.equal(await title(taken), "This invitation was taken back");
    // Nobody waits an hour here: what the server says of an expired link is tested beside it, what the page says of it here.
    const expired = await openPage(await browser.createBrowserContext(), PHONE);
    await expired.page.setRequestInterception(true);
    expired.page.on("request", (request) => {
      const body = JSON.stringify({ type: "about:blank", title: "Gone", status: 410, detail: "This invitation has expired.", code: "INVITATION_EXPIRED", request_id: "x" });
      void (request.url().endsWith("/api/invitations/open") ? request.respond({ status: 410, contentType: "application/problem+json", body }) : request.continue());
    });
    await expired.page.goto(`${viva.url}/invite/${"e".repeat(43)}`);
    await until("the end", async () => (await title(expired.page)) === "This invitation has expired");
    assert.match(await textOf(expired.page, "#lede"), /Ask whoever sent it for another/);
    assert.deepEqual(await accessibilityFaults(expired.page), []);
    await expired.page.close();

    const { page: unknown } = await open(`${viva.url}/invite/${"a".repeat(43)}`);
    assert.equal(await title(unknown), "There is no such invitation");
    assert.ok(await unknown.$eval("#answer", (form) => /** @type {HTMLElement} */ (form).hidden));
  });
});
