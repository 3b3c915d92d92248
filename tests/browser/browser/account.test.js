/** @file Overview and keys of somebody on a local server: who they are, what they pay with, and what of a key is ever shown. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, openPage, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva, startSimulator } from "../harness/viva.js";

/** Of the right form, and of no project that the stand-in knows. */
const UNKNOWN_KEY = "sk-nobody-knows-this-key-0000";

describe("an account", () => {
  /** @type {import("../harness/viva.js").Simulator} */
  let provider;
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {import("../harness/page.js").Watched} */
  let watched;

  before(async () => {
    provider = await startSimulator();
    viva = await Viva.start({ OPENAI_BASE_URL: provider.url, OPENAI_API_KEY: provider.key });
    browser = await launch("chromium", { microphone: makeMicrophone() });
    watched = await openPage(browser, { width: 390, height: 844 });
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
    await provider?.stop();
  });

  it("of a guest is shown, with nothing in it yet", async () => {
    const { page } = watched;
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    assert.match(await textOf(page, "#who"), /on this machine only/);
    assert.match(await textOf(page, "#key"), /stored none/);
    assert.equal(await page.$eval("#none", (line) => /** @type {HTMLElement} */ (line).hidden), false);
    assert.equal(await page.$eval("nav [data-for=admin]", (link) => /** @type {HTMLElement} */ (link).hidden), true, "a guest decides about nobody");
    assert.deepEqual(await accessibilityFaults(page), []);
  });

  it("takes a key that the provider accepts, and shows its end only", async () => {
    const { page, requests } = watched;
    await page.goto(`${viva.url}/api-keys`);
    await page.waitForSelector("#keys:not([hidden])");
    assert.match(await textOf(page, "#user .state"), /No key is stored/);
    assert.equal(await page.$("#tenant:not([hidden])"), null, "no organisation, no key of one");
    await page.type("#user-key", ` ${provider.key} `);
    await page.keyboard.press("Enter");
    await until("a stored key", async () => /ends in ests is stored, and the provider accepts it/.test(await textOf(page, "#user .state")));
    assert.equal(await page.$eval("#user-key", (field) => /** @type {HTMLInputElement} */ (field).value), "", "what was typed is gone");
    assert.ok(!(await page.content()).includes(provider.key));
    for (const url of requests) assert.ok(!url.includes(provider.key), "no key in an address");
    assert.deepEqual(await accessibilityFaults(page), []);
    await snap(page, "api-keys", "whole");
  });

  it("does not take one that the provider refuses, says so beside the field, and keeps the old one", async () => {
    const { page } = watched;
    await page.type("#user-key", UNKNOWN_KEY);
    await page.click("#user button[type=submit]");
    await page.waitForSelector("#user-key-wrong");
    assert.match(await textOf(page, "#user-key-wrong"), /refused this key.*Nothing was saved/);
    assert.equal(await page.$eval("#user-key", (field) => /** @type {HTMLInputElement} */ (field).value), UNKNOWN_KEY, "it can be corrected");
    await page.reload();
    await page.waitForSelector("#keys:not([hidden])");
    assert.match(await textOf(page, "#user .state"), /ends in ests/);
    await page.type("#user-key", "short");
    await page.click("#user button[type=submit]");
    await page.waitForSelector("#user-key-wrong");
    assert.match(await textOf(page, "#user-key-wrong"), /^This must be the provider's key/);
  });

  it("checks the stored key when asked", async () => {
    const { page } = watched;
    await page.click("#user .check");
    await until("a verdict", async () => /The provider accepts this key/.test(await textOf(page, "#user .state")));
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    assert.match(await textOf(page, "#key"), /ends in ests/);
    await snap(page, "dashboard", "whole");
  });

  it("deletes the key only when that was meant", async () => {
    const { page, faults } = watched;
    await page.goto(`${viva.url}/api-keys`);
    await page.waitForSelector("#keys:not([hidden])");
    await page.click("#user .delete");
    await page.waitForSelector("#confirm[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#confirm", { hidden: true });
    assert.match(await textOf(page, "#user .state"), /ends in ests/);
    await page.click("#user .delete");
    await page.waitForSelector("#confirm[open]");
    await page.click('#confirm button[value="yes"]');
    await until("no key", async () => /No key is stored/.test(await textOf(page, "#user .state")));
    const { stored, keys, violations } = await doings(page);
    assert.deepEqual({ stored, keys, violations, faults }, { stored: [], keys: 0, violations: [], faults: [] });
  });

  it("shows the last calls and leads to the next", async () => {
    const { page } = watched;
    const made = await page.evaluate(async () => {
      const consent = { version: "test", locale: "en" };
      const made = [];
      for (let number = 1; number <= 6; number += 1) {
        const response = await fetch("/api/sessions", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ title: `Round ${number}`, consent }) });
        made.push(response.status);
      }
      return made;
    });
    assert.deepEqual(made, Array(6).fill(201));
    await page.goto(`${viva.url}/dashboard`);
    await page.waitForSelector("#overview:not([hidden])");
    const titles = await page.$$eval("#calls h3", (all) => all.map(({ textContent }) => textContent));
    assert.deepEqual(titles, ["Round 6", "Round 5", "Round 4", "Round 3", "Round 2"]);
    assert.equal(await page.$eval("#all", (line) => /** @type {HTMLElement} */ (line).hidden), false);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      assert.deepEqual(await accessibilityFaults(page), [], scheme);
      await snap(page, `dashboard-${scheme}`, "whole");
    }
  });
});
