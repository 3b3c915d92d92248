/** @file What pages of other origins can do in a real browser: nothing, unless their origin is on the allow list. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { Viva } from "../harness/viva.js";

const CONSENT = { version: "2026-11", locale: "en" };

/** A site of its own origin with nothing on it. On the same host, so that not even `SameSite` keeps a cookie from it. */
async function otherSite() {
  const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>Other</title>"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { origin: `http://127.0.0.1:${port}`, stop: () => server.close() };
}

/**
 * Opens `/ws` from the page and says who it is. @param {import("puppeteer-core").Page} page @param {string} server
 * @param {string} token @returns {Promise<string>} the first message's type, or how it failed
 */
const socket = (page, server, token) =>
  page.evaluate(
    (url, init) =>
      new Promise((tell) => {
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send(init);
        socket.onmessage = (message) => tell(JSON.parse(message.data).type);
        socket.onclose = () => tell("closed");
        setTimeout(() => tell("silence"), 8_000);
      }),
    `${server.replace(/^http/, "ws")}/ws`,
    JSON.stringify({ type: "init", token }),
  );

/**
 * What a request from the page comes to: its status, or `refused` when the browser does not show the answer.
 * @param {import("puppeteer-core").Page} page @param {string} url @param {RequestInit} how @returns {Promise<number | "refused">}
 */
const request = (page, url, how) =>
  page.evaluate(
    (url, how) =>
      fetch(url, how).then(
        (answer) => answer.status,
        () => /** @type {const} */ ("refused"),
      ),
    url,
    how,
  );

describe("pages of other origins", () => {
  /** @type {Viva} */
  let viva;
  /** @type {import("puppeteer-core").Browser} */
  let browser;
  /** @type {Awaited<ReturnType<typeof otherSite>>} */
  let embedding;
  /** @type {Awaited<ReturnType<typeof otherSite>>} */
  let stranger;
  /** @type {import("puppeteer-core").Page} */
  let own;

  before(async () => {
    [embedding, stranger] = await Promise.all([otherSite(), otherSite()]);
    viva = await Viva.start({ ALLOWED_ORIGINS: embedding.origin });
    browser = await launch("chromium", { microphone: makeMicrophone() });
    own = await browser.newPage();
    await own.goto(`${viva.url}/test`);
    // The browser is signed in from here on: what other pages send, it sends with the cookie if it may.
    assert.equal(await request(own, "/auth/guest", { method: "POST" }), 204);
  });
  after(async () => {
    await browser?.close();
    await viva?.stop();
    embedding?.stop();
    stranger?.stop();
  });

  /** @param {string} origin */
  async function at(origin) {
    const page = await browser.newPage();
    await page.goto(origin);
    return page;
  }

  /** A new session of the signed-in browser. @returns {Promise<{id: string, ticket: string}>} */
  const session = () =>
    own.evaluate(async (consent) => {
      const made = await fetch("/api/sessions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ plan: "short", consent }),
      });
      const { session, ticket } = await made.json();
      return { id: session.id, ticket: ticket.value };
    }, CONSENT);

  const count = () => own.evaluate(async () => (await (await fetch("/api/sessions")).json()).items.length);

  it("cannot open the socket, not even with somebody's ticket", async () => {
    const { ticket } = await session();
    const page = await at(stranger.origin);
    assert.equal(await socket(page, viva.url, ticket), "closed");
    await page.close();
  });

  it("cannot change anything with the cookie that the browser sends along", async () => {
    const { id } = await session();
    const before = await count();
    for (const { origin } of [stranger, embedding]) {
      const page = await at(origin);
      const json = JSON.stringify({ plan: "short", consent: CONSENT });
      for (const kind of ["application/json", "text/plain"]) {
        /** @type {RequestInit} */
        const how = { method: "POST", credentials: "include", headers: { "content-type": kind }, body: json };
        assert.equal(await request(page, `${viva.url}/api/sessions`, how), "refused");
        await request(page, `${viva.url}/api/sessions/${id}/end`, { ...how, mode: "no-cors" });
        await request(page, `${viva.url}/api/sessions`, { ...how, mode: "no-cors" });
      }
      // A form is sent without asking anybody, and its answer is shown as a page.
      await page.evaluate((action) => {
        const form = document.createElement("form");
        Object.assign(form, { action, method: "post", enctype: "text/plain" });
        document.body.append(form);
        form.submit();
      }, `${viva.url}/api/sessions/${id}/end`);
      await page.waitForNavigation({ timeout: 5_000 }).catch(() => {});
      await page.close();
    }
    assert.equal(await count(), before);
    const status = await own.evaluate(async (id) => (await (await fetch(`/api/sessions/${id}`)).json()).status, id);
    assert.equal(status, "scheduled", "nobody ended it");
  });

  it("can do what a ticket allows when their origin is on the list", async () => {
    const { id, ticket } = await session();
    const page = await at(embedding.origin);
    assert.equal(await socket(page, viva.url, ticket), "session");
    const bearer = { headers: { authorization: `Bearer ${ticket}` } };
    assert.equal(await request(page, `${viva.url}/api/sessions/${id}`, bearer), 200);
    assert.equal(await request(page, `${viva.url}/api/sessions/${id}/end`, { method: "POST", ...bearer }), 200);
    await page.close();

    const foreign = await at(stranger.origin);
    assert.equal(await request(foreign, `${viva.url}/api/sessions/${id}`, bearer), "refused");
    await foreign.close();
  });
});
