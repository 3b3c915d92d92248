// @ts-check
/**
 * @file Up to where of the journal this page has been told (`n` of `init`), so that after a loss the server sends what
 * is missing and no more. Pure.
 */

export class Progress {
  #n = 0;
  /** The highest number that came before what was missed is complete. */
  #ahead = 0;
  #catchingUp = false;

  get n() {
    return this.#n;
  }

  /** The line is there. A call that was running already is told from where it was left; what is new may overtake it. @param {boolean} resumed */
  joined(resumed) {
    this.#catchingUp = resumed;
    this.#ahead = 0;
  }

  /** @param {import("../types.js").Message} message any message of the server */
  take(message) {
    if (message.type === "missed") return this.#caughtUp(message);
    const n = numberOf(message);
    if (this.#catchingUp) this.#ahead = Math.max(this.#ahead, n);
    else this.#n = Math.max(this.#n, n);
  }

  /** @param {import("../types.js").Message} missed */
  #caughtUp({ messages, last }) {
    for (const message of Array.isArray(messages) ? messages : []) this.#n = Math.max(this.#n, numberOf(message));
    if (!last) return;
    this.#catchingUp = false;
    this.#n = Math.max(this.#n, this.#ahead);
  }
}

/** @param {import("../types.js").Message} message @returns {number} 0 when it says nothing about the journal */
function numberOf({ type, final, n, upTo }) {
  const said = type === "saved" ? upTo : type === "stage_change" || (final && /^(agent|user)_caption$/.test(type)) ? n : 0;
  return Number.isSafeInteger(said) ? said : 0;
}
