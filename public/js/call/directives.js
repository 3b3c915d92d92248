// @ts-check
/**
 * @file What the server asks this page to say to the model (`realtime_send`): each directive once, and none of a
 * past epoch, because the server derives unfinished ones again when control changes hands.
 */

/** Directives that wait for a data channel to open; the first call sends two or three. */
const MAX_WAITING = 64;
/** Ids remembered within one epoch, far more than one control period needs. */
const MAX_REMEMBERED = 1_024;

export class Directives {
  #write;
  #epoch = 0;
  /** @type {Set<string>} ids that were taken in this epoch */
  #taken = new Set();
  /** @type {{callId: string, event: import("../types.js").ModelEvent}[]} */
  #waiting = [];

  /** @param {(event: import("../types.js").ModelEvent, callId: string) => boolean} write hands an event to that call's data channel if it is open */
  constructor(write) {
    this.#write = write;
  }

  get epoch() {
    return this.#epoch;
  }

  /** A newer epoch makes everything older stale. @param {unknown} epoch */
  enter(epoch) {
    if (typeof epoch !== "number" || epoch <= this.#epoch) return;
    this.#epoch = epoch;
    this.#taken.clear();
    this.#waiting.length = 0;
  }

  /**
   * @param {{epoch?: unknown, events?: unknown, [field: string]: unknown}} message
   * @param {string} callId the call they are for
   * @returns {number} how many were taken
   */
  take({ epoch, events }, callId) {
    if (typeof epoch !== "number" || !Array.isArray(events)) return 0;
    this.enter(epoch);
    if (epoch < this.#epoch) return 0;
    let taken = 0;
    for (const { id, event } of events) {
      if (typeof id !== "string" || typeof event?.type !== "string" || this.#taken.has(id)) continue;
      if (this.#waiting.length >= MAX_WAITING) break;
      this.#remember(id);
      const inOrder = !this.#waiting.some((held) => held.callId === callId);
      if (!inOrder || !this.#write(event, callId)) this.#waiting.push({ callId, event });
      taken += 1;
    }
    return taken;
  }

  /** A data channel opened: what waited for it goes out in order. @param {string} callId */
  flush(callId) {
    let open = true;
    this.#waiting = this.#waiting.filter((held) => {
      if (held.callId !== callId || !open) return true;
      open = this.#write(held.event, callId);
      return !open;
    });
  }

  /** That call is over: nobody will hear what waits for it. @param {string} callId */
  forget(callId) {
    this.#waiting = this.#waiting.filter((held) => held.callId !== callId);
  }

  /** @param {string} id */
  #remember(id) {
    if (this.#taken.size >= MAX_REMEMBERED) {
      for (const oldest of this.#taken) {
        this.#taken.delete(oldest);
        break;
      }
    }
    this.#taken.add(id);
  }
}
