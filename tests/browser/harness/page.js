/**
 * @file A page under observation. What it does to the outside (requests, sockets, storage, peer connections) is
 * written down by small wrappers that run before any script of the page.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A machine with two busy cores needs patience; nothing here measures time. */
export const PATIENCE_MS = 60_000;

/**
 * @typedef {object} Watched
 * @property {import("puppeteer-core").Page} page
 * @property {string[]} requests every http request's address
 * @property {string[]} faults uncaught errors and policy violations
 */

/**
 * @param {import("puppeteer-core").Browser | import("puppeteer-core").BrowserContext} browser
 * @param {{firefoxSpeech?: import("./microphone.js").Utterance[], width?: number, height?: number}} [options]
 * @returns {Promise<Watched>}
 */
export async function openPage(browser, { firefoxSpeech, width = 1280, height = 800 } = {}) {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.setViewport({ width, height });
  await page.evaluateOnNewDocument(observe);
  if (firefoxSpeech) await page.evaluateOnNewDocument(speakInFirefox, firefoxSpeech);
  /** @type {string[]} */
  const requests = [];
  /** @type {string[]} */
  const faults = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (fault) => faults.push(String(fault)));
  return { page, requests, faults };
}

/** Runs inside the page. */
function observe() {
  const seen = { peers: [], channels: [], sockets: [], told: [], stored: [], violations: [], blobs: [], cut: false };
  Object.defineProperty(window, "observed", { value: seen });
  window.RTCPeerConnection = class extends RTCPeerConnection {
    /** @param {any[]} args */
    constructor(...args) {
      super(...args);
      seen.peers.push(/** @type {never} */ (this));
    }
    /** @param {[string, RTCDataChannelInit?]} args */
    createDataChannel(...args) {
      const channel = super.createDataChannel(...args);
      seen.channels.push(/** @type {never} */ (channel));
      return channel;
    }
  };
  window.WebSocket = class extends WebSocket {
    /** @param {[string | URL, (string | string[])?]} args */
    constructor(...args) {
      // A cut line: whatever is dialled, nobody there speaks WebSocket.
      if (seen.cut) args[0] = String(args[0]).replace("/ws", "/no-ws");
      super(...args);
      seen.sockets.push(/** @type {never} */ (this));
      this.addEventListener("message", ({ data }) => seen.told.push(/** @type {never} */ (JSON.parse(data))));
    }
  };
  const createObjectURL = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    seen.blobs.push(/** @type {never} */ (blob));
    return createObjectURL.call(URL, blob);
  };
  for (const name of /** @type {const} */ (["setItem", "getItem"])) {
    const original = Storage.prototype[name];
    Storage.prototype[name] = function (/** @type {any[]} */ ...args) {
      seen.stored.push(/** @type {never} */ (`${name} ${args[0]}`));
      return Reflect.apply(original, this, args);
    };
  }
  addEventListener("securitypolicyviolation", (event) => seen.violations.push(/** @type {never} */ (`${event.effectiveDirective} ${event.blockedURI}`)));
}

/**
 * Runs inside the page. Firefox has no microphone from a file, and its built-in one is a tone without an end; so the
 * tone is let through where somebody would speak. Everything behind the track is Firefox's own. (Web Audio could make a
 * better voice, but it does not run on machines without a sound card.)
 * @param {import("./microphone.js").Utterance[]} utterances
 */
function speakInFirefox(utterances) {
  const { mediaDevices } = navigator;
  // The blank page before the first address has none: it is no secure context.
  if (!mediaDevices) return;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = async (wishes) => {
    const stream = await open(wishes);
    const [track] = stream.getAudioTracks();
    track.enabled = false;
    for (const { atSeconds, seconds } of utterances) {
      setTimeout(() => (track.enabled = true), atSeconds * 1_000);
      setTimeout(() => (track.enabled = false), (atSeconds + seconds) * 1_000);
    }
    return stream;
  };
}

/**
 * What the page did to the outside so far.
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<{sockets: string[], stored: string[], violations: string[], keys: number}>}
 */
export function doings(page) {
  return page.evaluate(() => {
    const { sockets, stored, violations } = /** @type {any} */ (window).observed;
    return { sockets: sockets.map((/** @type {WebSocket} */ { url }) => url), stored, violations, keys: localStorage.length + sessionStorage.length };
  });
}

/** What the server has said on `/ws` so far. @param {import("puppeteer-core").Page} page @returns {Promise<{type: string, [field: string]: unknown}[]>} */
export function told(page) {
  return page.evaluate(() => /** @type {any} */ (window).observed.told);
}

/** Cuts the server line, and keeps it cut until `mend`. @param {import("puppeteer-core").Page} page */
export function cut(page) {
  return page.evaluate(() => {
    const { observed } = /** @type {any} */ (window);
    observed.cut = true;
    observed.sockets.at(-1).close();
  });
}

/** @param {import("puppeteer-core").Page} page */
export function mend(page) {
  return page.evaluate(() => void (/** @type {any} */ (window).observed.cut = false));
}

/** Says this to the model behind the page's back. @param {import("puppeteer-core").Page} page @param {object} event */
export function sayToModel(page, event) {
  return page.evaluate((text) => /** @type {any} */ (window).observed.channels.at(-1).send(text), JSON.stringify(event));
}

/** Says this to the server behind the page's back. @param {import("puppeteer-core").Page} page @param {object} message */
export function sayToServer(page, message) {
  return page.evaluate((text) => /** @type {any} */ (window).observed.sockets.at(-1).send(text), JSON.stringify(message));
}

/**
 * The captions as they stand.
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<{item: string, speaker: string, final: boolean, words: string}[]>}
 */
export function captions(page) {
  return page.$$eval("#captions .turn", (turns) =>
    turns.map((turn) => ({
      item: turn.getAttribute("data-item") ?? "",
      speaker: turn.getAttribute("data-speaker") ?? "",
      final: turn.getAttribute("data-final") === "yes",
      words: turn.querySelector("p")?.textContent ?? "",
    })),
  );
}

/** From the next load on the browser refuses the microphone, until `allowMicrophone`. @param {import("puppeteer-core").Page} page */
export async function refuseMicrophone(page) {
  // The browser's own refusal cannot be had together with its false microphone.
  await page.evaluateOnNewDocument(() => {
    const { mediaDevices } = navigator;
    if (!mediaDevices) return;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = (wishes) =>
      /** @type {any} */ (window).observed.allowed ? open(wishes) : Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
  });
}

/** @param {import("puppeteer-core").Page} page */
export function allowMicrophone(page) {
  return page.evaluate(() => void (/** @type {any} */ (window).observed.allowed = true));
}

/** The stored record, by the page's own credentials. @param {import("puppeteer-core").Page} page @returns {Promise<any>} */
export function record(page) {
  return page.evaluate(async () => {
    const session = location.pathname.split("/")[2];
    return (await fetch(`/api/sessions/${session}/transcript?format=json`)).json();
  });
}

/** The state of each peer connection that the page made since it was loaded. @param {import("puppeteer-core").Page} page @returns {Promise<string[]>} */
export function peers(page) {
  return page.evaluate(() => /** @type {any} */ (window).observed.peers.map((/** @type {RTCPeerConnection} */ { connectionState }) => connectionState));
}

/**
 * The newest peer connection's own account of itself.
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<{state: string, energy: number, packets: number, remoteAddress: string, remotePort: number, protocol: string, answer: string}>}
 */
export function peerStats(page) {
  return page.evaluate(async () => {
    const peer = /** @type {any} */ (window).observed.peers.at(-1);
    const entries = [...(await peer.getStats()).values()];
    const inbound = entries.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
    const transport = entries.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
    const pair =
      entries.find(({ id }) => id === transport?.selectedCandidatePairId) ??
      entries.find(({ type, selected, nominated, state }) => type === "candidate-pair" && (selected || (nominated && state === "succeeded")));
    const remote = entries.find(({ id }) => id === pair?.remoteCandidateId);
    return {
      state: peer.connectionState,
      energy: inbound?.totalAudioEnergy ?? 0,
      packets: inbound?.packetsReceived ?? 0,
      remoteAddress: remote?.address ?? "",
      remotePort: remote?.port ?? 0,
      protocol: remote?.protocol ?? "",
      answer: peer.remoteDescription?.sdp ?? "",
    };
  });
}

/**
 * Waits in Node, so that a slow page is seen as it is.
 * @template Value
 * @param {string} what for the message when it never comes
 * @param {() => Promise<Value | null | undefined | false>} read
 * @param {number} [patienceMs]
 * @returns {Promise<Value>}
 */
export async function until(what, read, patienceMs = PATIENCE_MS) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await read().catch(unlessLeaving);
    if (value) return value;
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((wake) => setTimeout(wake, 150));
  }
}

/** A page that goes elsewhere just then has no answer yet; the next one is asked. @param {unknown} error @returns {null} */
function unlessLeaving(error) {
  if (error instanceof Error && /Execution context was destroyed/.test(error.message)) return null;
  throw error;
}

/** @param {import("puppeteer-core").Page} page @param {string} selector @returns {Promise<string>} */
export function textOf(page, selector) {
  return page.$eval(selector, (element) => element.textContent?.trim() ?? "");
}

/** @param {import("puppeteer-core").Page} page @returns {Promise<Record<string, string>>} */
export function state(page) {
  return page.evaluate(() => ({ .../** @type {Record<string, string>} */ (document.body.dataset) }));
}

/** Values that no log may hold; `scripts/test` searches for them. */
const CANDIDATE = "Ada Browser-Canary";
const ROLE = "Keeper of Browser-Canaries";
if (process.env.VIVA_TEST_LOGS) writeFileSync(join(process.env.VIVA_TEST_LOGS, "planted-browser.txt"), `${CANDIDATE}\n${ROLE}\n`);

/** Starts an interview as a person does, and waits until the interview page is there. @param {import("puppeteer-core").Page} page @param {string} url @param {{plan?: string}} [wishes] */
export async function startInterview(page, url, { plan = "short" } = {}) {
  await page.goto(`${url}/`);
  await page.waitForSelector(`input[name="plan"][value="${plan}"]`);
  await page.click(`input[name="plan"][value="${plan}"]`);
  await page.type("#name", CANDIDATE);
  await page.type("#role", ROLE);
  await page.click("#consent");
  await page.click("#begin");
  await page.waitForFunction(() => location.pathname.startsWith("/interview/"));
}

/** @param {import("puppeteer-core").Page} page */
export async function endInterview(page) {
  await page.click("#end");
  await page.waitForSelector("#confirm[open]");
  await page.click('#confirm button[value="yes"]');
  await page.waitForSelector('#saved[data-state="saved"]');
}
