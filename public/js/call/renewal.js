// @ts-check
/**
 * @file A new connection that the server asked for (`renegotiate`): made beside the one in force, or in place of one
 * that is lost, and tried again until the deadline. When the conversation moves to it is the server's decision.
 */

/** Upstream 10 s, and a little for the way. */
const ANSWER_PATIENCE_MS = 15_000;
/** Offers and answers travel in a second; a connection that is not there long after that has failed. */
const CONNECT_PATIENCE_MS = 12_000;
const LONGEST_PAUSE_MS = 10_000;
/** Without a deadline that can be read. */
const USUAL_PATIENCE_MS = 60_000;

/** @typedef {import("./leg.js").Leg} Leg */
/** @typedef {{id: string, reason: "cap" | "lost", deadline: string}} Order */

/**
 * @typedef {object} Means what a renewal needs of the call
 * @property {() => Leg | null} make a fresh leg; null while there is no microphone
 * @property {(message: import("../types.js").Message) => boolean} send to the server, if the line is up
 * @property {() => number} now Unix milliseconds by the server's clock
 * @property {() => void} answered the leg has a call
 * @property {() => void} gaveUp the deadline passed, or the server will not have it
 */

export class Renewal {
  #order;
  #means;
  #endsAt;
  /** @type {Leg | null} */
  #leg = null;
  #tries = 0;
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Order} order @param {Means} means */
  constructor(order, means) {
    this.#order = order;
    this.#means = means;
    const deadline = Date.parse(order.deadline);
    this.#endsAt = Number.isNaN(deadline) ? means.now() + USUAL_PATIENCE_MS : deadline;
  }

  get id() {
    return this.#order.id;
  }

  get reason() {
    return this.#order.reason;
  }

  /** The newest try. */
  get leg() {
    return this.#leg;
  }

  start() {
    void this.#try();
  }

  /** @param {import("../types.js").Message} message `sdp_answer` that names this renewal */
  async answer({ answer, callId }) {
    const leg = this.#leg;
    if (!leg?.due) return;
    clearTimeout(this.#timer);
    try {
      await leg.accept(String(answer?.sdp ?? answer), String(callId ?? ""));
    } catch {
      return this.#again();
    }
    if (this.#over || leg !== this.#leg) return;
    // Armed before the call hears of it: what was lost is taken over within this very turn.
    this.#timer = setTimeout(() => leg.states.connection !== "connected" && this.#again(), CONNECT_PATIENCE_MS);
    this.#means.answered();
  }

  /** @param {import("../types.js").Message} message an `error` that answers the offer */
  refused({ retryable, retryAfterMs }) {
    if (retryable) this.#again(Number(retryAfterMs) || undefined);
    else this.#giveUp();
  }

  /** The leg's connection changed. */
  watch() {
    if (this.#leg?.lost) this.#again();
  }

  /** The conversation moves to the leg; from here on it belongs to the call. @returns {Leg | null} */
  take() {
    const leg = this.#leg;
    this.#leg = null;
    this.stop();
    return leg;
  }

  /** Nothing of it is needed any more. */
  stop() {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#leg?.close();
  }

  async #try() {
    if (this.#over) return;
    if (this.#means.now() >= this.#endsAt) return this.#giveUp();
    this.#leg?.close();
    const leg = this.#means.make();
    this.#leg = leg;
    if (!leg) return this.#again();
    const sdp = await leg.offer();
    if (this.#over || leg !== this.#leg) return;
    // The second connection sends nothing until the switch: two models must not hear one answer.
    if (this.reason === "cap") await leg.speak(null);
    if (!this.#means.send({ type: "sdp_offer", renegotiateId: this.id, offer: { type: "offer", sdp } })) return this.#again();
    leg.due = true;
    this.#timer = setTimeout(() => this.#again(), ANSWER_PATIENCE_MS);
  }

  /** @param {number} [pauseMs] the server's own wish */
  #again(pauseMs) {
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#leg?.close();
    this.#leg = null;
    this.#tries += 1;
    const pause = pauseMs ?? Math.min(LONGEST_PAUSE_MS, 500 * 2 ** this.#tries);
    this.#timer = setTimeout(() => void this.#try(), pause);
  }

  #giveUp() {
    if (this.#over) return;
    this.stop();
    this.#means.gaveUp();
  }
}
