/** @file What calls consumed and what may be spent: the page, its budgets, and the warning in a call. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, endInterview, openPage, startInterview, textOf, until } from "../harness/page.js";
import { become, SECRET, visit } from "../harness/people.js";
import { snap } from "../harness/shots.js";
import { Viva } from "../harness/viva.js";

/** @param {import("puppeteer-core").Page} page @param {{scope: string, period: string, limit: string, hard?: boolean}} budget */
async function setBudget(page, { scope, period, limit, hard = false }) {
  await page.select("#budget-scope", scope);
  await page.select("#budget-period", period);
  await page.$eval("#budget-limit", (field) => (/** @type {HTMLInputElement} */ (field).value = ""));
  await page.type("#budget-limit", limit);
  if ((await page.$eval("#budget-hard", (box) => /** @type {HTMLInputElement} */ (box).checked)) !== hard) await page.click("#budget-hard");
  await page.click("#budget button[type=submit]");
}

describe("usage", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let watched;

  before(async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone: makeMicrophone() });
    watched = await openPage(browser, { width: 390, height: 844 });
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
  });

  it("is nothing at first, and no budget is set", async () => {
    const { page } = watched;
    await page.goto(`${viva.url}/usage`);
    await page.waitForSelector("#none:not([hidden])");
    await page.waitForSelector("#no-budgets:not([hidden])");
    assert.equal(await textOf(page, "#total-cost"), "$0");
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  it("takes a budget from whoever may set one, by the keyboard, and refuses what is no amount", async () => {
    const { page } = watched;
    await setBudget(page, { scope: "user", period: "month", limit: "a lot" });
    await page.waitForSelector("#budget .field-error");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "budget-limit");
    await page.keyboard.down("Control");
    await page.keyboard.press("KeyA");
    await page.keyboard.up("Control");
    // So little that the first reply takes the call past four fifths, and so much that it goes on.
    await page.keyboard.type("0.000001");
    await page.keyboard.press("Enter");
    await page.waitForSelector('[data-budget="user-month"]');
    assert.equal(await page.$('#budget .field-error'), null);
    assert.match(await textOf(page, '[data-budget="user-month"]'), /Each person, a month.*Enough is left.*\$0 of \$0\.000001 spent.*running ones go on/s);
    assert.equal(await page.evaluate(() => document.querySelector("#budget-told")?.textContent), "Saved: Each person, a month, $0.000001.");
  });

  it("is warned of in a call when four fifths are spent, and shown when it is over", async () => {
    const { page } = watched;
    await setBudget(page, { scope: "user", period: "month", limit: "0.01" });
    await page.waitForSelector('[data-budget="user-month"]');
    await startInterview(page, viva.url);
    await until("a warning", () => page.evaluate(() => (document.querySelector(".notice[data-kind=note]")?.textContent ?? "").includes("Little is left of the budget")));
    await snap(page, "budget-low");
    await endInterview(page);
    await page.goto(`${viva.url}/usage`);
    await page.waitForSelector("#rows li");
    assert.match(await textOf(page, "#rows li .cost"), /^\$0\.\d+$/);
    assert.match(await textOf(page, "#rows li"), /\d+ repl(y|ies) · \d+ turns? written down · [\d,]+ tokens read/);
    assert.equal(await textOf(page, "#rows li .cost"), await textOf(page, "#total-cost"));
    assert.match(await textOf(page, '[data-budget="user-month"]'), /Little is left|Used up/);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, "no sideways scrolling");
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      assert.deepEqual(await accessibilityFaults(page), [], scheme);
      await snap(page, `usage-${scheme}`, "whole");
    }
  });

  it("is summed by interview and by model, and an interview leads to its record", async () => {
    const { page } = watched;
    await page.select("#group", "session");
    await page.waitForSelector("#rows li h3 a");
    assert.match(await page.$eval("#rows li h3 a", (link) => new URL(/** @type {HTMLAnchorElement} */ (link).href).pathname), /^\/past-calls\/[0-9a-f-]{36}$/);
    await page.select("#group", "model");
    await until("models", async () => (await textOf(page, "#rows")).includes("gpt-realtime"));
    await page.select("#group", "month");
    await until("a month", () => page.evaluate(() => /^\d{4}-\d{2}$/.test(document.querySelector("#rows li")?.getAttribute("data-key") ?? "")));
  });

  it("loses a budget only after a question", async () => {
    const { page, faults } = watched;
    await page.click('[data-budget="user-month"] button');
    await page.click("#confirm button[value=no]");
    assert.ok(await page.$('[data-budget="user-month"]'));
    await page.click('[data-budget="user-month"] button');
    await page.click("#confirm button[value=yes]");
    await page.waitForSelector("#no-budgets:not([hidden])");
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
  });
});

describe("usage on other people's keys and without prices", () => {
  it("is said to be the owner's bill, unconfirmed or of unknown cost, never guessed", async () => {
    const viva = await Viva.start();
    const browser = await launch("chromium", { microphone: makeMicrophone() });
    const { page } = await openPage(browser, { width: 360, height: 740 });
    const none = { replies: 2, transcriptions: 1, text_in: 10, audio_in: 5, image_in: 0, text_cached: 0, audio_cached: 0, image_cached: 0, text_out: 3, audio_out: 4, ms: 0 };
    const items = [
      { key: "2026-01-31", payer: "key_owner", ...none, cost_usd: 0.25, confirmed: true },
      { key: "2026-01-30", payer: "server", ...none, cost_usd: null, confirmed: false },
    ];
    const usage = { from: "2026-01-02", to: "2026-01-31", group: "day", items, total: { ...none, cost_usd: null, confirmed: false }, prices: "2026-01-01", cut: true };
    await page.setRequestInterception(true);
    page.on("request", (request) => void (new URL(request.url()).pathname === "/api/usage" ? request.respond({ status: 200, contentType: "application/json", body: JSON.stringify(usage) }) : request.continue()));
    await page.goto(`${viva.url}/usage`);
    await page.waitForSelector("#rows li");
    assert.equal(await textOf(page, "#total-cost"), "Cost unknown");
    assert.match(await textOf(page, '#rows [data-payer="key_owner"]'), /Sat.*31.*\$0\.2500.*On the bill of whoever owns the key/s);
    assert.match(await textOf(page, '#rows [data-payer="server"]'), /Cost unknown.*not confirmed.*no price/s);
    assert.equal(await page.$eval("#cut", (line) => /** @type {HTMLElement} */ (line).hidden), false);
    assert.deepEqual(await accessibilityFaults(page), []);
    await browser.close();
    await viva.stop();
  });

  it("is shown to members without budgets, and those are seen and not set by interviewers", async () => {
    const viva = await Viva.start({ JWT_SECRET: SECRET });
    const browser = await launch("chromium", { microphone: makeMicrophone() });
    const { page } = await openPage(browser);
    for (const [role, shown] of /** @type {[string, boolean[]][]} */ ([["interviewer", [true, false]], ["member", [false, false]]])) {
      const person = { sub: role, name: role, email: `${role}@example.org` };
      viva.grant((await visit(viva.url, person)).user.id, "Bridges", role);
      await become(page, person);
      await page.goto(`${viva.url}/dashboard`);
      await until("the place among the others", () => page.$$eval("#tenant option", (options) => options.length === 2));
      await page.evaluate(async () => {
        const { tenants } = await fetch("/api/me").then((response) => response.json());
        const { id: tenant } = tenants.find((/** @type {{kind: string}} */ { kind }) => kind === "organisation");
        await fetch("/api/me/tenant", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ tenant }) });
      });
      await page.goto(`${viva.url}/usage`);
      await page.waitForSelector("#usage:not([hidden])");
      if (shown[0]) await page.waitForSelector("#spending:not([hidden])");
      assert.deepEqual(await page.evaluate(() => ["spending", "budget"].map((id) => !(/** @type {HTMLElement} */ (document.getElementById(id)).hidden))), shown, role);
    }
    await browser.close();
    await viva.stop();
  });
});
