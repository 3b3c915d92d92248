/** @file An organisation's admin at `/admin`: calls under way, people and roles. Who is no admin sees none of it. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, openPage, startInterview, state, textOf, until } from "../harness/page.js";
import { SECRET, become, visit } from "../harness/people.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

const ADA = { sub: "ada", name: "Ada Admin", email: "ada@example.org" };
const ROBIN = { sub: "robin", name: "Robin", email: "robin@example.org" };

describe("an organisation's admin", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let watched;

  before(async () => {
    viva = await Viva.start({ JWT_SECRET: SECRET });
    await visit(viva.url, ADA);
    await visit(viva.url, ROBIN);
    viva.grant(ADA.email, "Acme", "admin");
    browser = await launch("chromium", { microphone: makeMicrophone() });
    watched = await openPage(browser, { width: 390, height: 844 });
    await become(watched.page, ADA);
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
  });

  it("acts in the organisation after choosing it, and finds the way to its page", async () => {
    const { page } = watched;
    // What `viva grant` wrote beside the running server is seen within a minute.
    await until("the organisation", async () => {
      await page.goto(`${viva.url}/dashboard`);
      await page.waitForSelector("#overview:not([hidden])");
      return (await page.$$eval("#tenant option", (options) => options.map(({ textContent }) => textContent))).includes("Acme, as admin");
    }, 90_000);
    const acme = await page.$$eval("#tenant option", (options) => options.find(({ textContent }) => textContent?.startsWith("Acme"))?.value ?? "");
    const active = await page.$eval("#tenant", (choice) => /** @type {HTMLSelectElement} */ (choice).value);
    if (active !== acme) await page.select("#tenant", acme);
    await page.waitForSelector("nav [data-for=admin]:not([hidden])");
    await until("the place", async () => /Acme, as admin/.test(await textOf(page, "#who")));
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.goto(`${viva.url}/start`);
    await page.waitForSelector("nav [data-for=admin]:not([hidden])");
    await page.click("nav [data-for=admin]");
    await page.waitForSelector("#admin:not([hidden])");
    assert.equal(await textOf(page, "#title"), "Acme");
    assert.deepEqual(await page.$$eval("#people li strong", (names) => names.map(({ textContent }) => textContent)), ["Ada Admin (you)"]);
    assert.equal(await textOf(page, "#live-count"), "Nobody is on a call.");
  });

  it("adds somebody who was here, and is told why somebody else cannot be added", async () => {
    const { page } = watched;
    await page.type("#add-email", "nobody@example.org");
    await page.click("#add button");
    await page.waitForSelector("#add-email-wrong");
    assert.match(await textOf(page, "#add-email-wrong"), /must sign in first/);
    await page.$eval("#add-email", (field) => (/** @type {HTMLInputElement} */ (field).value = ""));
    await page.type("#add-email", ROBIN.email);
    await page.select("#add-role", "interviewer");
    await page.click("#add button");
    await until("two people", async () => (await page.$$("#people li")).length === 2);
    assert.match(await textOf(page, '#people li[data-role="interviewer"]'), /Robin.*robin@example\.org/);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      assert.deepEqual(await accessibilityFaults(page), [], scheme);
      await snap(page, `admin-${scheme}`, "whole");
    }
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, "no sideways scrolling");
  });

  it("changes a role, and cannot leave the organisation without an admin", async () => {
    const { page } = watched;
    await page.select('#people select[aria-label="Role of Robin"]', "member");
    await page.waitForSelector('#people li[data-role="member"]');
    await page.select('#people select[aria-label="Role of Ada Admin"]', "member");
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await page.waitForSelector('#notice[data-kind="fault"]');
    assert.match(await textOf(page, "#notice"), /without an admin/);
    assert.equal(await page.$eval('#people select[aria-label="Role of Ada Admin"]', (choice) => /** @type {HTMLSelectElement} */ (choice).value), "admin");
  });

  it("sees a call under way and ends it", async () => {
    const { page } = watched;
    const call = await openPage(browser);
    await become(call.page, ROBIN);
    // Robin acts in Acme as soon as that is chosen.
    const { tenants } = await visit(viva.url, ROBIN);
    const acme = tenants.find((/** @type {{name: string}} */ { name }) => name === "Acme");
    await call.page.goto(`${viva.url}/dashboard`);
    await call.page.waitForSelector("#overview:not([hidden])");
    if (!acme.active) await call.page.select("#tenant", acme.id);
    await until("Robin's place", async () => /Acme, as member/.test(await textOf(call.page, "#who")));
    await startInterview(call.page, viva.url);
    await until("a connected peer", async () => (await state(call.page)).peer === "connected");
    // A page behind another one is not drawn, and cannot be clicked.
    await page.bringToFront();
    await page.reload();
    await page.waitForSelector("#live li");
    assert.equal(await textOf(page, "#live-count"), "1 call");
    await snap(page, "admin-live", "whole");
    await page.click("#live button");
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await until("the end on the other page", () => call.page.$('#saved[data-state="saved"]'));
    await until("no call", async () => (await textOf(page, "#live-count")) === "Nobody is on a call.");
    await call.page.close();
    await page.bringToFront();
  });

  it("invites a candidate by a link that is shown once, follows it, and takes another one back", async () => {
    const { page } = watched;
    /** @param {string} name @param {string} email */
    const invite = async (name, email) => {
      await page.type("#invite-name", name);
      await page.type("#invite-role", "Keeper of ledgers");
      await page.type("#invite-email", email);
      await page.select("#invite-plan", "short");
      await page.select("#invite-time", "150");
      await page.click("#invite button[type=submit]");
    };
    await invite("Sam", "no address");
    await page.waitForSelector("#invite-email-wrong");
    assert.equal(await textOf(page, "#invite-email-wrong"), "This must be an e-mail address.");
    await page.$eval("#invite", (form) => /** @type {HTMLFormElement} */ (form).reset());
    await invite("Sam", "sam@example.org");
    await page.waitForSelector("#link:not([hidden])");
    const link = await page.$eval("#link-value", (field) => /** @type {HTMLInputElement} */ (field).value);
    assert.ok(link.startsWith(`${viva.url}/invite/`), "a link to this server");
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "admin-invited", "whole");
    await page.click("#link-done");
    assert.ok(!(await page.content()).includes(link));
    const answer = (/** @type {string} */ what, /** @type {object} */ more) =>
      fetch(`${viva.url}/api/invitations/${what}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token: link.split("/").pop(), ...more }),
      });
    assert.equal((await (await answer("open", {})).json()).organisation, "Acme");
    assert.equal((await answer("accept", { email: "sam@example.org", consent: { version: "test", locale: "en" } })).status, 201);
    await invite("Kim", "kim@example.org");
    await until("two invitations", async () => (await page.$$("#invitations li")).length === 2);
    assert.match(await textOf(page, '#invitations [data-status="accepted"]'), /accepted .* · sent/);
    assert.equal((await page.$$('#invitations [data-status="accepted"] button')).length, 0, "what was answered cannot be taken back");
    await page.click('#invitations button[aria-label="Take back the invitation Keeper of ledgers: Kim"]');
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await page.waitForSelector('#invitations [data-status="revoked"]');
    await page.reload();
    await page.waitForSelector('#invitations [data-status="revoked"]');
    assert.equal(await page.$eval("#link", (box) => /** @type {HTMLElement} */ (box).hidden), true);
  });

  it("makes an access key that is shown once and works until it is revoked", async () => {
    const { page, requests } = watched;
    await page.click("#make button[type=submit]");
    await page.waitForSelector("#make-name-wrong");
    await page.type("#make-name", "Careers site");
    await page.click('#make input[value="sessions:read"]');
    await page.click("#make button[type=submit]");
    await page.waitForSelector("#made:not([hidden])");
    const value = await page.$eval("#made-value", (field) => /** @type {HTMLInputElement} */ (field).value);
    assert.match(value, /^vk_/);
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "admin-made", "whole");
    const opens = () => fetch(`${viva.url}/api/sessions`, { headers: { "x-api-key": value } }).then(({ status }) => status);
    assert.equal(await opens(), 200);
    for (const url of requests) assert.ok(!url.includes(value), "no key in an address");
    await page.reload();
    await page.waitForSelector("#access li");
    assert.match(await textOf(page, "#access li"), /Careers site.*makes interviews, reads interviews.*last used.*good until/);
    assert.equal(await page.$eval("#made-value", (field) => /** @type {HTMLInputElement} */ (field).value), "", "it is not shown again");
    assert.ok(!(await page.content()).includes(value));
    await page.click('#access button[aria-label="Revoke Careers site"]');
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await page.waitForSelector('#access li[data-state="revoked"]');
    assert.equal(await opens(), 401);
  });

  it("sets the rules within what the server allows, and is asked before anything is deleted sooner", async () => {
    const { page } = watched;
    const fill = (/** @type {string} */ field, /** @type {string} */ value) =>
      page.$eval(field, (input, text) => {
        /** @type {HTMLInputElement} */ (input).value = text;
        input.dispatchEvent(new Event("input", { bubbles: true }));
      }, value);
    const told = () => textOf(page, "#rules-told");
    assert.match(await textOf(page, "#rules-calls-hint"), /At most 100 on this server/);
    await page.click("#rules button");
    await until("an answer", async () => (await told()) === "Nothing was changed.");
    await fill("#rules-calls", "101");
    await page.click("#rules button");
    await page.waitForSelector("#rules-calls-wrong");
    assert.match(await textOf(page, "#rules-calls-wrong"), /from 0 to 100/);
    await fill("#rules-calls", "7");
    await fill("#rules-days", "0");
    await page.click("#rules button");
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await page.waitForSelector("#rules-days-wrong");
    assert.match(await textOf(page, "#rules-days-wrong"), /from 1 to 1095/, "the server's own words");
    assert.deepEqual(await accessibilityFaults(page), []);
    await fill("#rules-days", "90");
    await page.click("#rules button");
    await page.waitForSelector("#confirm[open]");
    assert.match(await textOf(page, "#confirm-text"), /more than 90 days ago/);
    await page.keyboard.press("Escape");
    await page.waitForSelector("#confirm", { hidden: true });
    assert.equal(await told(), "", "nothing happened");
    await page.click("#rules button");
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await until("that it was saved", async () => (await told()) === "Saved.");
    await page.click("#rules-hold");
    await page.select("#rules-policy", "server");
    await page.click("#rules button");
    await until("that it was saved", async () => (await told()) === "Saved.");
    await page.reload();
    await page.waitForSelector("#admin:not([hidden])");
    const shown = await page.$eval("#rules", (form) => Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (form))));
    assert.deepEqual(shown, { max_sessions: "7", key_policy: "server", retention_days: "90", legal_hold: "on" });
    await snap(page, "admin-rules", "whole");
    await page.click("#rules-hold");
    await page.click("#rules button");
    await page.waitForSelector("#confirm[open]");
    assert.match(await textOf(page, "#confirm-title"), /legal hold/);
    await page.click('#confirm button[value="yes"]');
    await until("that it was saved", async () => (await told()) === "Saved.");
  });

  it("sees who did what, the newest first and a part at a time", async () => {
    const { page } = watched;
    // More than one part of the list.
    for (let made = 0; made < 12; made += 1) {
      for (const days of [100 + made, 90]) assert.equal(await page.evaluate((retention_days) => fetch("/api/tenant", { method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify({ retention_days }) }).then(({ status }) => status), days), 200);
    }
    await page.reload();
    await page.waitForSelector("#admin:not([hidden])");
    assert.equal((await page.$$("#audit li")).length, 25);
    assert.match(await textOf(page, "#audit li"), /^Ada Admin changed how long things are kept/);
    await page.click("#more-audit");
    await until("all of it", () => page.$eval("#more-audit", (button) => /** @type {HTMLElement} */ (button).hidden));
    const rows = await page.$$eval("#audit li", (all) => all.map((row) => ({ n: Number(row.getAttribute("data-n")), text: row.textContent ?? "" })));
    assert.ok(rows.every(({ n }, index) => index === 0 || n < rows[index - 1].n), "each once, the newest first");
    for (const told of [/^Ada Admin ended somebody’s interview/, /^Ada Admin gave a role to Robin: member/, /^Ada Admin invited a candidate/, /accepted an invitation/, /^Ada Admin took an invitation back/, /^Ada Admin revoked an access key/, /^Ada Admin changed a rule: calls at once/, /^The server or its operator gave a role to Ada Admin: admin/]) {
      assert.ok(rows.some(({ text }) => told.test(text)), String(told));
    }
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-n")), String(rows[25].n), "reading goes on where the list went on");
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "admin-audit", "whole");
  });

  it("removes somebody, who then sees nothing of it", async () => {
    const { page, faults } = watched;
    await page.click('#people button[aria-label="Remove Robin"]');
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await until("a list without Robin", async () => !(await textOf(page, "#people")).includes("Robin"));
    const other = await openPage(browser);
    await become(other.page, ROBIN);
    await other.page.goto(`${viva.url}/admin`);
    await other.page.waitForSelector("#elsewhere:not([hidden])");
    assert.equal(await other.page.$eval("#admin", (box) => /** @type {HTMLElement} */ (box).hidden), true);
    assert.deepEqual(await accessibilityFaults(other.page), []);
    await other.page.close();
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
  });
});
