// @ts-check
/** @file The microphone's level, as a bar and in words. */

import { say } from "../dom.js";
import { AUDIBLE } from "../media/level.js";

const EVERY_MS = 80;
/** Words change slowly, or they could not be read. */
const WORDS_EVERY_MS = 600;

export class Meter {
  #bar;
  #words;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {HTMLElement} bar with `role="meter"` @param {HTMLElement} words */
  constructor(bar, words) {
    this.#bar = bar;
    this.#words = words;
  }

  /** @param {() => number | null} level null when it cannot be measured @param {() => boolean} muted */
  start(level, muted) {
    clearInterval(this.#timer);
    /** @type {number | null} */
    let loudest = null;
    let spoke = 0;
    this.#timer = setInterval(() => {
      const now = level();
      if (now !== null) loudest = Math.max(loudest ?? 0, now);
      this.#bar.style.setProperty("--level", (now ?? 0).toFixed(3));
      if (performance.now() - spoke < WORDS_EVERY_MS) return;
      spoke = performance.now();
      this.#bar.setAttribute("aria-valuenow", String(Math.round((loudest ?? 0) * 100)));
      say(this.#words, muted() ? "Muted: nobody hears you." : describe(loudest));
      loudest = null;
    }, EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#bar.style.setProperty("--level", "0");
    this.#bar.setAttribute("aria-valuenow", "0");
  }
}

/** @param {number | null} loudest */
function describe(loudest) {
  if (loudest === null) return "Your microphone is open.";
  return loudest > AUDIBLE ? "Your microphone works." : "Your microphone is open; it is quiet.";
}
