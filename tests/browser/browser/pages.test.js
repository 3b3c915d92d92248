/** @file What must hold on every page: policy, no storage, small screens, the keyboard. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFaults } from "../harness/accessible.js";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { doings, openPage, startInterview, state, textOf, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { walk } from "../harness/walk.js";
import { Viva } from "../harness/viva.js";

describe("the pages", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;

  before(async () => {
    viva = await Viva.start();
    browser = await launch("chromium", { microphone: makeMicrophone() });
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
  });

  const NO_SESSION = "00000000-0000-7000-8000-000000000000";
  const ADDRESSES = ["/", "/start", "/transcribe", "/translate", "/past-calls", `/past-calls/${NO_SESSION}`, `/live/${NO_SESSION}`, "/dashboard", "/api-keys", "/usage", "/admin", "/sign-in", "/test", "/docs", `/interview/${NO_SESSION}`, "/nothing-here"];

  for (const address of ADDRESSES) {
    it(`${address} has a strict policy`, async () => {
      // Without this `/` answers a program, not a person.
      const response = await fetch(viva.url + address, { headers: { accept: "text/html" } });
      const policy = response.headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /script-src 'self'(;|$)/);
      assert.match(policy, /style-src 'self'(;|$)/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe-|\*/);
      assert.match(response.headers.get("permissions-policy") ?? "", /microphone=\(self\)/);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      const html = await response.text();
      assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\/(?!www\.w3\.org)/, "nothing inline, nothing foreign");
    });

    it(`${address} loads without a fault and fits 360 pixels`, async () => {
      const { page, requests, faults } = await openPage(browser, { width: 360, height: 740 });
      const missing = /** @type {string[]} */ ([]);
      page.on("response", (answer) => answer.status() === 404 && /\.(js|css|svg)$/.test(answer.url()) && missing.push(answer.url()));
      await page.goto(viva.url + address, { waitUntil: "networkidle0" });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(over, 0, "no sideways scrolling");
      const { stored, keys, violations } = await doings(page);
      assert.deepEqual({ stored, keys, violations, faults, missing }, { stored: [], keys: 0, violations: [], faults: [], missing: [] });
      for (const url of requests) assert.equal(new URL(url).host, `127.0.0.1:${viva.port}`);
      await snap(page, `page${address.replaceAll("/", "-").slice(0, 24)}`, "whole");
      await page.close();
    });

    it(`${address} is walked with the Tab key in the order in which it is read, and shows where one is`, async () => {
      const { page } = await openPage(browser, { width: 390, height: 844 });
      await page.goto(viva.url + address, { waitUntil: "networkidle0" });
      const { stops, visited, unseen } = await walk(page);
      assert.ok(stops.length > 0);
      assert.deepEqual({ visited, unseen }, { visited: stops, unseen: [] });
      assert.deepEqual(await accessibilityFaults(page), []);
      await page.close();
    });

    it(`${address} says what it needs where scripts are switched off`, async () => {
      const page = await browser.newPage();
      await page.setJavaScriptEnabled(false);
      await page.goto(viva.url + address);
      const body = await page.$eval("main", (main) => /** @type {HTMLElement} */ (main).innerText);
      assert.match(body, address === "/nothing-here" ? /nothing at this address/ : /needs JavaScript/);
      await page.close();
    });
  }

  it("are checked for what people need who cannot see them well, by a check that can fail", async () => {
    const { page } = await openPage(browser);
    await page.goto("about:blank");
    await page.setContent(`<main><h1>A</h1><h3 id="x">B</h3><input id="x"><p style="color:#999;background:#fff">pale</p><a href="#" aria-describedby="gone"></a></main>`);
    const faults = (await accessibilityFaults(page)).join("\n");
    for (const fault of [/two elements are #x/, /no language/, /h3#x follows level 1/, /input#x has no name/, /a has no name/, /names no element: gone/, /contrast of 2\.8/]) assert.match(faults, fault);
    await page.close();
  });

  for (const address of ["/simple-webrtc-test", "/interview-test-simple", "/realtime-test.html"]) {
    it(`${address} has moved to /test for good`, async () => {
      const response = await fetch(viva.url + address, { redirect: "manual" });
      assert.deepEqual([response.status, response.headers.get("location")], [308, "/test"]);
    });
  }

  it("the start page tells how the server is", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${viva.url}/`);
    await until("a verdict", async () => (await textOf(page, "#pulse-text")) === "Ready");
    assert.match(await textOf(page, '[data-fact="model"] dd'), /simulated/);
    assert.match(await textOf(page, "#version"), /^Viva \d/);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await snap(page, `start-${scheme}`, "whole");
    }
    await page.close();
  });

  it("nothing starts without consent", async () => {
    const { page, requests } = await openPage(browser);
    await page.goto(`${viva.url}/`);
    await page.waitForSelector('input[name="plan"]');
    await page.click("#begin");
    await page.waitForSelector("#consent-error:not([hidden])");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "consent");
    assert.equal(new URL(page.url()).pathname, "/");
    assert.ok(!requests.some((url) => url.endsWith("/api/sessions")));
    await page.close();
  });

  it("an interview is started, muted and ended with the keyboard alone", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${viva.url}/`);
    await page.waitForSelector('input[name="plan"]');
    await tabTo(page, "consent");
    await page.keyboard.press("Space");
    await tabTo(page, "begin");
    assert.ok(await hasOutline(page), "focus is visible on the button");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.pathname.startsWith("/interview/"));
    await until("a connected peer", async () => (await state(page)).peer === "connected");
    await tabTo(page, "mute");
    await page.keyboard.press("Space");
    assert.equal(await page.$eval("#mute", (button) => button.getAttribute("aria-pressed")), "true");
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).observed.peers.at(-1).getSenders()[0].track.enabled), false);
    await tabTo(page, "end");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#confirm[open]");
    await page.keyboard.press("Escape");
    assert.equal((await state(page)).peer, "connected", "Escape goes on");
    await tabTo(page, "end");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#confirm[open]");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector('#saved[data-state="saved"]');
    await page.close();
  });

  it("skipping moves to the next stage and says so", async () => {
    const { page } = await openPage(browser, { width: 390, height: 844 });
    await startInterview(page, viva.url);
    await page.waitForSelector('#stages [data-state="current"]');
    await until("a usable skip button", () => page.$eval("#skip", (button) => !(/** @type {HTMLButtonElement} */ (button).disabled)));
    const target = await page.$eval('#stages [data-state="current"] + li', (item) => item.getAttribute("data-stage"));
    await page.click("#skip");
    const reached = await until("the next stage", () => page.$eval('#stages [data-state="current"]', (item, wanted) => item.getAttribute("data-stage") === wanted, target));
    assert.ok(reached);
    await snap(page, "interview-skipped");
    await page.close();
  });

  it("an interview opened again says where it is, and the first page lets it go", async () => {
    const first = await openPage(browser);
    await startInterview(first.page, viva.url);
    await until("time left", async () => / left$/.test(await textOf(first.page, "#stage-line")));
    const second = await openPage(browser);
    await second.page.goto(first.page.url());
    // This page saw no stage begin: what it counts down from is the server's word.
    await until("time left on the second page", async () => /^Stage \d of \d: .+ \d:\d\d left$/.test(await textOf(second.page, "#stage-line")));
    await first.page.waitForSelector('#banner[data-kind="fault"]');
    assert.match(await textOf(first.page, "#banner strong"), /Opened somewhere else/);
    await first.page.close();
    await second.page.close();
  });

  it("still motion stays readable", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${viva.url}/`);
    await page.emulateMediaFeatures([{ name: "prefers-reduced-motion", value: "reduce" }]);
    const reduced = () => page.evaluate(() => matchMedia("(prefers-reduced-motion: reduce)").matches);
    await until("still motion", reduced);
    // What was taken out of the page meanwhile has no style at all.
    const moving = await page.$$eval("*", (all) => all.filter((element) => element.isConnected && getComputedStyle(element).transitionDuration !== "0s").length);
    assert.equal(moving, 0);
    await page.close();
  });
});

/** @param {import("puppeteer-core").Page} page @param {string} id */
async function tabTo(page, id) {
  for (let presses = 0; presses < 60; presses += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.id === wanted, id)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`#${id} cannot be reached by Tab`);
}

/** @param {import("puppeteer-core").Page} page */
function hasOutline(page) {
  return page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(/** @type {Element} */ (document.activeElement));
    return outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2;
  });
}
