/** @file An application of somebody else's: a server of theirs with an access key, in front of Viva. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { Organisation, SECRET } from "../browser/harness/organisation.js";
import { Viva } from "../browser/harness/viva.js";

export const MODEL = "gpt-realtime-2.1";
export const SELLS = "Sell bicycles, in one sentence each time.";
/** Answered in debug builds on a busy machine. */
const PATIENCE_MS = 30_000;

/** An offer of a browser that nobody sits at: it is answered, and media never comes. */
export const OFFER = readFileSync(new URL("../../proxy/tests/fixtures/sdp/chrome.offer.sdp", import.meta.url), "utf8");

/** @template T @param {string} what @param {() => T | Promise<T>} look @returns {Promise<NonNullable<T>>} */
export async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await sleep(50);
  }
}

export class Shop {
  #organisation;
  #site;
  /** Sessions whose end was waited for. */
  #over = new Set();

  /** @param {Viva} viva @param {Organisation} organisation @param {string} key @param {import("node:http").Server} site @param {string} origin */
  constructor(viva, organisation, key, site, origin) {
    this.viva = viva;
    this.#organisation = organisation;
    this.#site = site;
    /** Where the provider's libraries are pointed to. */
    this.baseURL = `${viva.url}/v1`;
    this.key = key;
    this.origin = origin;
  }

  /** @param {Record<string, string>} [pages] scripts that its site serves, by name */
  static async open(pages = {}) {
    const site = createServer((request, answer) => {
      const name = request.url?.slice(1) ?? "";
      if (name in pages) return void answer.setHeader("content-type", "text/javascript").end(pages[name]);
      answer.setHeader("content-type", "text/html").end(`<!doctype html><title>Shop</title><script src="/${name.replace(/\?.*/, "")}.js"></script>`);
    });
    site.listen(0, "127.0.0.1");
    await once(site, "listening");
    const { port } = /** @type {import("node:net").AddressInfo} */ (site.address());
    const origin = `http://127.0.0.1:${port}`;
    const viva = await Viva.start({ JWT_SECRET: SECRET, ALLOWED_ORIGINS: origin });
    const organisation = await Organisation.found(viva, "Shop");
    const { value } = await organisation.ask("POST", "/api/access-keys", { name: "shop", scopes: ["sessions:write", "sessions:read"] });
    return new Shop(viva, organisation, value, site, origin);
  }

  async close() {
    await this.viva.stop();
    this.#site.closeAllConnections();
    this.#site.close();
  }

  /** @param {string} path @returns {Promise<any>} */
  async read(path) {
    const answer = await fetch(this.viva.url + path, { headers: { authorization: `Bearer ${this.key}` } });
    assert.equal(answer.status, 200, path);
    return answer.json();
  }

  /** The next session whose call is over, as it is on the record, like any other. */
  async ended() {
    const session = await until("the end of a call", async () => {
      const { items } = await this.read("/api/sessions?limit=20");
      return items.find((/** @type {any} */ one) => one.ended_at && !one.live && !this.#over.has(one.id));
    });
    this.#over.add(session.id);
    const transcript = await this.read(`/api/sessions/${session.id}/transcript`);
    return { session, turns: /** @type {{speaker: string, text: string, source: string}[]} */ (transcript.turns) };
  }
}

/** A page's script with everything it imports, as an application's own build would make it. @param {string} name */
export async function bundled(name) {
  const made = await build({
    entryPoints: [new URL(`pages/${name}`, import.meta.url).pathname],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2022",
    logLevel: "error",
  });
  return made.outputFiles[0].text;
}
