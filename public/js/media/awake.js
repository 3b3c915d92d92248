// @ts-check
/** @file Keeps a phone's screen on while a call lasts, where the browser can; a dark screen may stop the microphone. */

export class Awake {
  /** @type {WakeLockSentinel | null} */
  #lock = null;
  #wanted = false;

  constructor() {
    // The browser drops the lock with the page's visibility; take it again when the page is back.
    document.addEventListener("visibilitychange", () => void this.#take());
  }

  async hold() {
    this.#wanted = true;
    await this.#take();
  }

  async release() {
    this.#wanted = false;
    await this.#lock?.release();
    this.#lock = null;
  }

  async #take() {
    if (!this.#wanted || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    // Refused on low battery: the call does not depend on it.
    this.#lock = await navigator.wakeLock.request("screen").catch(() => null);
  }
}
