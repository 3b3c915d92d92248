// @ts-check
/**
 * @file The connections of one interview: the one in force, a renewal beside it, and those that fade after a switch.
 * It moves microphone and sound from one to the next. It makes an offer of its own only for the first call, after a
 * reload, or when nobody says how to go on; everything else the server decides.
 */

import { Emitter } from "../emitter.js";
import { Directives } from "./directives.js";
import { Leg } from "./leg.js";
import { Renewal } from "./renewal.js";

/** How often the server gets a summary; it keeps a histogram, not samples. */
const REPORT_EVERY_MS = 15_000;
/** Upstream 10 s, and a little for the way. */
const ANSWER_PATIENCE_MS = 15_000;
/** The server mostly knows why a connection was lost, and says what to do; after this the page offers by itself. */
const SERVER_PATIENCE_MS = 3_000;
const REPEAT_AFTER_MS = 1_500;
/** Renewed offers without a person's click; the server allows six a minute. */
const MAX_SELF_OFFERS = 2;
/** After the switch last words still come on the old connection. */
const FADE_MS = 5_000;

/**
 * What the model hears: a microphone, or something in its place.
 * @typedef {import("../emitter.js").Emitter<any> & {track: MediaStreamTrack | null, stream: MediaStream | null, open: () => Promise<void>, close: () => void}} Heard
 */

/** @typedef {{state: "renewing" | "renewed" | "failed", reason: "cap" | "lost"}} RenewalNews */

/**
 * @typedef {object} Means what the connections need of their call
 * @property {(message: import("../types.js").Message) => boolean} send to the server, if the line is up
 * @property {(message: import("../types.js").Message) => boolean} sendWhenReady
 * @property {() => boolean} reachable whether the line is up
 * @property {() => number} now Unix milliseconds by the server's clock
 * @property {Heard} microphone
 * @property {import("../media/speaker.js").Speaker} speaker
 */

/**
 * @extends {Emitter<{
 *   offered: {sdp: string},
 *   answered: {sdp: string},
 *   states: import("./rtc.js").PeerStates,
 *   event: {event: import("../types.js").ModelEvent, callId: string, inForce: boolean},
 *   told: import("../types.js").ModelEvent,
 *   audible: MediaStream,
 *   sample: import("../types.js").StatsSample,
 *   renewal: RenewalNews,
 *   playBlocked: {},
 *   failed: {code: string, message: string, retry: boolean},
 * }>}
 */
export class Legs extends Emitter {
  #means;
  /** @type {Leg | null} the call in force */
  #leg = null;
  /** @type {Renewal | null} */
  #renewal = null;
  /** @type {Set<Leg>} legs after their switch */
  #fading = new Set();
  #directives = new Directives((event, callId) => this.#legOf(callId)?.send(event) ?? false);
  /** @type {Leg | null} a lost leg that the server has been told of */
  #mourned = null;
  #selfOffers = 0;
  /** The server has, or had, a call of this interview. */
  #underWay = false;
  /** In a session that nobody answers there is nothing to ask for. @type {"answered" | "unanswered"} */
  #speech = "answered";
  /** The renewal that was carried through last. */
  #renewedId = "";
  /** Why the leg in force replaced another, until it is connected. @type {"cap" | "lost" | null} */
  #fresh = null;
  #reportedAt = 0;
  #ending = false;
  #closed = false;
  /** @type {Set<ReturnType<typeof setTimeout>>} cleared at the end */
  #timers = new Set();

  /** @param {Means} means */
  constructor(means) {
    super();
    this.#means = means;
  }

  /** @param {import("../types.js").Message} message `session` or `control` */
  control({ control, epoch }) {
    this.#directives.enter(epoch);
    if (control === "sideband") this.#leg?.serverIsBack();
  }

  /** The line is there: goes on where it was, or begins. @param {import("../types.js").Message} session */
  lineReady({ resumed, kind = "interview" }) {
    this.#underWay ||= Boolean(resumed);
    this.#speech = kind === "interview" ? "answered" : "unanswered";
    if (this.#renewal) return;
    if (this.#leg?.lost) this.#waitForServer(this.#leg);
    // An answer that was lost with the line does not come again.
    else if (!this.#leg || this.#leg.dead || this.#leg.due) void this.#offer();
    else this.#report(this.#leg);
  }

  /** There is a microphone, the first or another one. */
  microphoneReady() {
    void this.#leg?.speak(this.#means.microphone.track);
    if (!this.#leg && !this.#renewal && this.#means.reachable()) void this.#offer();
  }

  /** @param {import("../types.js").Message} message `realtime_send` */
  execute(message) {
    this.#directives.take(message, message.callId ?? this.#leg?.callId ?? "");
  }

  /** No reply is asked for by this page any more. */
  rest() {
    this.#leg?.rest();
  }

  /** The interview is ending: what is lost from now on is not replaced. */
  end() {
    this.#ending = true;
    this.rest();
  }

  /** A person asks to try again. */
  forgive() {
    this.#selfOffers = 0;
  }

  /** Without any connection; a later `lineReady` makes a new one. */
  leave() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#mourned = null;
    this.#renewal?.stop();
    this.#renewal = null;
    this.#leg?.close();
    for (const leg of [...this.#fading]) this.#forget(leg);
    this.#means.speaker.silence();
  }

  /** For good. */
  close() {
    this.#closed = true;
    this.leave();
  }

  /** @param {string} callId */
  #legOf(callId) {
    if (callId === "" || this.#leg?.callId === callId) return this.#leg;
    if (this.#renewal?.leg?.callId === callId) return this.#renewal.leg;
    return [...this.#fading].find((leg) => leg.callId === callId);
  }

  /** @returns {Leg | null} null while there is no microphone */
  #makeLeg() {
    const { microphone, reachable } = this.#means;
    if (!microphone.stream || this.#closed) return null;
    const leg = new Leg(microphone.stream, reachable);
    if (this.#speech === "unanswered") leg.rest();
    leg.on("states", (states) => this.#states(leg, states));
    leg.on("event", (event) => this.#heard(leg, event));
    leg.on("sent", (event) => this.emit("told", event));
    leg.on("sound", () => leg === this.#leg && this.#play(leg));
    leg.on("audible", (stream) => this.emit("audible", stream));
    leg.on("sample", (sample) => {
      this.emit("sample", sample);
      if (leg === this.#leg && sample.at - this.#reportedAt >= REPORT_EVERY_MS) this.#report(leg);
    });
    return leg;
  }

  /** An offer of the page's own: for the first call, after a reload, or when nobody says how to go on. */
  async #offer() {
    this.#leg?.close();
    const leg = this.#makeLeg();
    this.#leg = leg;
    if (!leg) return;
    const sdp = await leg.offer();
    if (leg.dead || leg !== this.#leg) return;
    leg.due = true;
    this.#means.send({ type: "sdp_offer", offer: { type: "offer", sdp } });
    this.emit("offered", { sdp });
    this.#later(() => leg.due && leg === this.#leg && this.#offerFailed("UPSTREAM_TIMEOUT", "No answer came.", true), ANSWER_PATIENCE_MS);
  }

  /** @param {string} code @param {string} message @param {boolean} retry */
  #offerFailed(code, message, retry) {
    this.#leg?.close();
    this.emit("failed", { code, message, retry });
  }

  /** @param {import("../types.js").Message} message `sdp_answer` */
  async answer(message) {
    const sdp = message.answer?.sdp ?? message.answer;
    if (typeof sdp !== "string") return;
    if (message.renegotiateId !== undefined) {
      if (this.#renewal?.id === message.renegotiateId) await this.#renewal?.answer(message);
      return;
    }
    const leg = this.#leg;
    if (!leg?.due) return;
    this.emit("answered", { sdp });
    try {
      await leg.accept(sdp, message.callId ?? "");
    } catch {
      this.#complain("answer_refused", "setRemoteDescription failed");
      return this.#offerFailed("SDP_EXCHANGE_FAILED", "The browser does not accept the answer.", true);
    }
    leg.measure();
  }

  /** An `error` while an answer is due is the answer. @param {import("../types.js").Message} message */
  refused(message) {
    if (message.code === "SKIP_NOT_ALLOWED") return;
    if (this.#leg?.due && message.renegotiateId === undefined) this.#offerRefused(this.#leg, message);
    else if (this.#renewal?.leg?.due) this.#renewal.refused(message);
  }

  /** @param {Leg} leg @param {import("../types.js").Message} refusal */
  #offerRefused(leg, { code, message, retryable, retryAfterMs }) {
    leg.close();
    // Nobody in mid-call should have to press a button because the model was busy for a second.
    const mayRepeat = retryable && this.#underWay && this.#selfOffers < MAX_SELF_OFFERS;
    if (!mayRepeat) return this.#offerFailed(code, message, Boolean(retryable));
    this.#selfOffers += 1;
    this.#later(() => leg === this.#leg && !this.#renewal && void this.#offer(), Number(retryAfterMs) || REPEAT_AFTER_MS);
  }

  /** @param {Leg} leg @param {import("./rtc.js").PeerStates} states */
  #states(leg, states) {
    if (states.channel === "open") this.#directives.flush(leg.callId);
    if (leg === this.#leg) this.emit("states", states);
    if (this.#closed || this.#fading.has(leg)) return;
    this.#report(leg);
    if (leg !== this.#leg) return this.#renewal?.watch();
    if (states.connection === "connected") {
      this.#selfOffers = 0;
      this.#underWay = true;
      this.#sayRenewed();
    }
    if (leg.lost) this.#waitForServer(leg);
  }

  /** @param {Leg} leg the leg in force, which is lost */
  #waitForServer(leg) {
    if (this.#ending || this.#mourned === leg) return;
    this.#mourned = leg;
    if (leg.states.connection === "failed") this.#complain("ice_failed", "the peer connection failed");
    else this.#complain("channel_closed", "the far side closed");
    this.#later(() => {
      this.#mourned = null;
      if (leg !== this.#leg || this.#renewal || this.#ending || !this.#means.reachable()) return;
      this.#selfOffers += 1;
      if (this.#selfOffers <= MAX_SELF_OFFERS) void this.#offer();
      else this.#offerFailed("WEBRTC_CONNECTION_FAILED", "The peer connection failed.", true);
    }, SERVER_PATIENCE_MS);
  }

  /** @param {import("./renewal.js").Order} order */
  renegotiate(order) {
    // Said twice, because the line was lost in between.
    if (this.#renewal?.id === order.id || this.#renewedId === order.id || this.#ending) return;
    this.#renewal?.stop();
    const renewal = new Renewal(order, {
      make: () => this.#makeLeg(),
      send: (message) => this.#means.send(message),
      now: () => this.#means.now(),
      answered: () => this.#renewed(renewal),
      gaveUp: () => this.#notRenewed(renewal),
    });
    this.#renewal = renewal;
    this.emit("renewal", { state: "renewing", reason: order.reason });
    if (order.reason === "lost") this.#leg?.close();
    renewal.start();
  }

  /** What was lost is replaced at once; beside a call that still runs the new one waits for the switch. @param {Renewal} renewal */
  #renewed(renewal) {
    if (renewal === this.#renewal && renewal.reason === "lost") this.#moveTo(renewal);
  }

  /** @param {Renewal} renewal */
  #notRenewed(renewal) {
    if (renewal !== this.#renewal) return;
    this.#renewal = null;
    this.emit("renewal", { state: "failed", reason: renewal.reason });
    if (renewal.reason === "lost") this.#offerFailed("WEBRTC_CONNECTION_FAILED", "No new connection came about.", true);
  }

  /** @param {import("../types.js").Message} message `switch` */
  switch({ id, callId }) {
    if (this.#renewal && this.#renewal.leg?.callId === callId) this.#moveTo(this.#renewal);
    // A leg that this page does not have (it was loaded anew) is not claimed.
    if (callId && this.#leg?.callId === callId) this.#means.sendWhenReady({ type: "switched", id });
  }

  /** @param {Renewal} renewal */
  #moveTo(renewal) {
    const leg = renewal.take();
    const old = this.#leg;
    if (!leg) return;
    this.#renewal = null;
    this.#renewedId = renewal.id;
    this.#leg = leg;
    // Both at once: the model that is left must not hear the answer that the other one gets.
    void old?.speak(null);
    void leg.speak(this.#means.microphone.track);
    this.#play(leg);
    leg.measure();
    if (old) this.#fade(old);
    this.#directives.flush(leg.callId);
    this.#fresh = renewal.reason;
    this.emit("states", leg.states);
    if (leg.states.connection === "connected") this.#sayRenewed();
    this.#report(leg);
  }

  /** Not before there is sound again. */
  #sayRenewed() {
    if (this.#fresh) this.emit("renewal", { state: "renewed", reason: this.#fresh });
    this.#fresh = null;
  }

  /** @param {Leg} leg last words of what was said on it still come */
  #fade(leg) {
    leg.rest();
    this.#fading.add(leg);
    this.#later(() => this.#forget(leg), FADE_MS);
  }

  /** @param {Leg} leg */
  #forget(leg) {
    leg.close();
    this.#fading.delete(leg);
    this.#directives.forget(leg.callId);
  }

  /** @param {Leg} leg */
  #play(leg) {
    if (!leg.sound) return;
    void this.#means.speaker.play(leg.sound).then((outcome) => {
      if (outcome !== "blocked" || this.#closed) return;
      this.#complain("play_blocked", "the browser waits for a gesture");
      this.emit("playBlocked", {});
    });
  }

  /** @param {Leg} leg @param {import("../types.js").ModelEvent} event */
  #heard(leg, event) {
    this.emit("event", { event, callId: leg.callId, inForce: leg === this.#leg });
  }

  /** Tells the server how a connection is; a newer report replaces a lost one, so none waits for the line. @param {Leg} leg */
  #report(leg) {
    // Of what was closed here the server need not hear; that the far side closed it does.
    if (leg.dead && !leg.lost) return;
    const { connection, ice } = leg.states;
    if (connection === "new") return;
    if (leg === this.#leg) this.#reportedAt = performance.now();
    const { last } = leg;
    const stats = last ? { rttMs: last.rttMs, jitterMs: last.jitterMs, lossPct: last.lossPct } : undefined;
    this.#means.send({ type: "connection_state", state: leg.lost ? "failed" : connection, ice, stats, ...(leg.callId && { callId: leg.callId }) });
  }

  /** @param {string} code @param {string} message */
  #complain(code, message) {
    this.#means.send({ type: "client_error", code, message });
  }

  /** @param {() => void} work @param {number} delayMs */
  #later(work, delayMs) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delayMs);
    this.#timers.add(timer);
  }
}
