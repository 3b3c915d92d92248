// @ts-check
/**
 * @file The `viva.v1` socket: `init`, liveness, and coming back after a loss.
 * It carries messages and does not understand interviews. The ticket goes only into `init`.
 */

import { Emitter } from "../emitter.js";
import { backoff } from "./backoff.js";

/** Close codes after which the same ticket may simply try again (RFC 6455 §7.4.1). */
const COME_BACK = new Set([1001, 1005, 1006, 1011, 1012, 1013, 4408, 4429]);

/** The server drops a session 60 s after its socket; a little longer here, so that the last try still finds it. */
const GIVE_UP_AFTER_MS = 75_000;
/** Before the first `session` nobody is in the middle of anything: say sooner that it does not work. */
const FIRST_GIVE_UP_AFTER_MS = 20_000;
const PING_EVERY_MS = 10_000;
/** Longer than two pings without a word: the line is dead although TCP has not noticed. */
const SILENT_AFTER_MS = 25_000;
/** Beats this far apart mean that the machine slept; the line is then asked at once, and has this long to answer. */
const SLEPT_AFTER_MS = 30_000;
const ANSWER_WITHIN_MS = 4_000;
/** Messages kept while the line is down; beyond it `sendWhenReady` refuses. Only ends and skips wait, so 16 is plenty. */
const MAX_WAITING = 16;
/** More than this unsent means a line that does not move: refuse rather than pile up. */
const MAX_BUFFERED_BYTES = 1 << 20;

/** @typedef {"connecting" | "ready" | "retrying" | "closed"} SocketState */

/**
 * @extends {Emitter<{
 *   state: {state: SocketState, attempt: number, delayMs: number},
 *   message: import("../types.js").Message,
 *   sent: import("../types.js").Message,
 *   closed: {code: number, reason: string, gaveUp: boolean},
 *   roundTrip: {ms: number},
 * }>}
 */
export class VivaSocket extends Emitter {
  #url;
  #token;
  #sessionId;
  #resume;
  /** @type {WebSocket | null} */
  #ws = null;
  /** @type {SocketState} */
  #state = "closed";
  /** @type {import("../types.js").Message[]} */
  #waiting = [];
  #attempt = 0;
  #wasReady = false;
  #downSince = 0;
  #lastHeard = 0;
  /** Wall time of the last beat: other clocks may stand still while the machine sleeps. */
  #beatAt = 0;
  /** @type {number | null} the server's own wish for the next delay (`reconnect{afterMs}`) */
  #wished = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pingTimer;

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {string} options.token
   * @param {string} [options.sessionId]
   * @param {() => object} [options.resume] what `init` says besides: up to where the last line had come
   */
  constructor({ url, token, sessionId, resume = () => ({}) }) {
    super();
    this.#resume = resume;
    this.#url = url;
    this.#token = token;
    this.#sessionId = sessionId;
  }

  get state() {
    return this.#state;
  }

  open() {
    this.#downSince = performance.now();
    this.#dial();
  }

  /**
   * Sends now, or not at all.
   * @param {import("../types.js").Message} message
   * @returns {boolean} whether it was handed to the socket
   */
  send(message) {
    if (this.#state !== "ready" || !this.#ws || this.#ws.bufferedAmount > MAX_BUFFERED_BYTES) return false;
    this.#ws.send(JSON.stringify(message));
    this.emit("sent", message);
    return true;
  }

  /**
   * Sends now, or as soon as the line is back.
   * @param {import("../types.js").Message} message
   * @returns {boolean} false when too much is waiting already
   */
  sendWhenReady(message) {
    if (this.send(message)) return true;
    if (this.#state === "closed" || this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push(message);
    return true;
  }

  /** There is reason to think that the line is dead, or that it could be had back now: finds out without waiting. */
  hurry() {
    const ws = this.#ws;
    if (!ws && this.#state !== "closed") {
      clearTimeout(this.#retryTimer);
      this.#dial();
    }
    if (!ws || this.#state !== "ready") return;
    const asked = performance.now();
    this.send({ type: "ping", t: asked });
    setTimeout(() => {
      if (ws === this.#ws && this.#lastHeard < asked) this.#drop("silent");
    }, ANSWER_WITHIN_MS);
  }

  /** Closes for good. */
  close() {
    this.#finish(1000, "closed by the page", false);
  }

  #dial() {
    this.#enter(this.#wasReady ? "retrying" : "connecting", 0);
    const ws = new WebSocket(this.#url);
    this.#ws = ws;
    this.#lastHeard = performance.now();
    ws.onopen = () => {
      // The one message that carries the ticket. It is not emitted as `sent`, so no log can hold it.
      ws.send(JSON.stringify({ type: "init", token: this.#token, sessionId: this.#sessionId, ...this.#resume(), client: { name: "viva-page", version: "1" } }));
    };
    ws.onmessage = ({ data }) => this.#receive(data);
    ws.onclose = ({ code, reason }) => {
      if (this.#ws === ws) this.#lost(code, reason);
    };
    clearInterval(this.#pingTimer);
    this.#beatAt = Date.now();
    this.#pingTimer = setInterval(() => this.#beat(), PING_EVERY_MS);
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#lastHeard = performance.now();
    const message = parse(data);
    if (!message) return;
    if (message.type === "session") this.#ready(message);
    if (message.type === "pong") this.emit("roundTrip", { ms: performance.now() - Number(message.t) });
    if (message.type === "reconnect") this.#wished = Number(message.afterMs) || 0;
    this.emit("message", message);
    if (message.type === "session") for (const waiting of this.#waiting.splice(0)) this.send(waiting);
  }

  /** @param {import("../types.js").Message} message */
  #ready(message) {
    this.#attempt = 0;
    this.#wasReady = true;
    this.#sessionId = message.sessionId ?? this.#sessionId;
    this.#enter("ready", 0);
  }

  #beat() {
    const slept = Date.now() - this.#beatAt > SLEPT_AFTER_MS;
    this.#beatAt = Date.now();
    if (performance.now() - this.#lastHeard > SILENT_AFTER_MS) this.#drop("silent");
    else if (slept) this.hurry();
    else this.send({ type: "ping", t: performance.now() });
  }

  /** The line is dead although TCP has not noticed. @param {string} reason */
  #drop(reason) {
    const dead = this.#ws;
    this.#lost(1006, reason);
    dead?.close();
  }

  /** @param {number} code @param {string} reason */
  #lost(code, reason) {
    clearInterval(this.#pingTimer);
    this.#ws = null;
    if (this.#state === "closed") return;
    if (this.#state === "ready") this.#downSince = performance.now();
    if (!COME_BACK.has(code)) return this.#finish(code, reason, false);
    const limit = this.#wasReady ? GIVE_UP_AFTER_MS : FIRST_GIVE_UP_AFTER_MS;
    if (performance.now() - this.#downSince > limit) return this.#finish(code, reason, true);
    const delayMs = this.#wished ?? backoff(this.#attempt, Math.random());
    this.#wished = null;
    this.#attempt += 1;
    this.#enter(this.#wasReady ? "retrying" : "connecting", delayMs);
    this.#retryTimer = setTimeout(() => this.#dial(), delayMs);
  }

  /** @param {number} code @param {string} reason @param {boolean} gaveUp */
  #finish(code, reason, gaveUp) {
    if (this.#state === "closed") return;
    clearTimeout(this.#retryTimer);
    clearInterval(this.#pingTimer);
    this.#waiting.length = 0;
    const ws = this.#ws;
    this.#ws = null;
    this.#enter("closed", 0);
    ws?.close(1000);
    this.emit("closed", { code, reason, gaveUp });
  }

  /** @param {SocketState} state @param {number} delayMs */
  #enter(state, delayMs) {
    this.#state = state;
    this.emit("state", { state, attempt: this.#attempt, delayMs });
  }
}

/** What is not a JSON object with a `type` is dropped: the server is ours, so this is a broken middle box, not a message. @param {unknown} data @returns {import("../types.js").Message | null} */
function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/**
 * The socket's address from the server's own word, or from its origin.
 * @param {string} origin @param {string} sessionId @param {string} [given] `ws_url` of the API
 * @returns {string}
 */
export function socketUrl(origin, sessionId, given) {
  const url = new URL(given ?? `/ws?session=${encodeURIComponent(sessionId)}`, origin);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
