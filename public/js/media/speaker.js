// @ts-check
/** @file Where the interviewer is heard: one `<audio>` element, to which each connection hands its sound when it takes over. */

export class Speaker {
  #sink;

  /** @param {HTMLAudioElement} sink */
  constructor(sink) {
    this.#sink = sink;
  }

  /** @param {MediaStream} stream @returns {Promise<"heard" | "blocked">} `blocked`: the browser waits for a gesture */
  async play(stream) {
    if (this.#sink.srcObject !== stream) this.#sink.srcObject = stream;
    try {
      await this.#sink.play();
    } catch (fault) {
      // AbortError only says that a newer load replaced this one.
      if (/** @type {Error} */ (fault)?.name === "NotAllowedError") return "blocked";
    }
    return "heard";
  }

  /** Tries again, from within a click. */
  async unblock() {
    await this.#sink.play();
  }

  silence() {
    this.#sink.srcObject = null;
  }
}
