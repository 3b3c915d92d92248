// @ts-check
/** @file Watches one peer's statistics: a sample every second, and the moment of the first sound. */

import { Emitter } from "../emitter.js";
import { StatsReader } from "./stats.js";

const EVERY_MS = 1_000;
/** Until the first sound look more often, or its time would be a second coarse. */
const FIRST_SOUND_EVERY_MS = 50;

/** @extends {Emitter<{sample: import("../types.js").StatsSample, firstSound: {}}>} */
export class Sampler extends Emitter {
  #peer;
  #reader = new StatsReader();
  #heard = false;
  #stopped = false;
  /** @type {import("../types.js").StatsSample | null} */
  last = null;

  /** @param {import("./rtc.js").Peer} peer */
  constructor(peer) {
    super();
    this.#peer = peer;
  }

  start() {
    void this.#repeat(EVERY_MS, () => this.#sample());
    void this.#repeat(FIRST_SOUND_EVERY_MS, () => this.#listen());
  }

  stop() {
    this.#stopped = true;
  }

  /** @returns {Promise<"again">} */
  async #sample() {
    this.last = this.#reader.read(await this.#peer.stats(), performance.now());
    if (!this.#stopped) this.emit("sample", this.last);
    return "again";
  }

  /** Energy in what was received: packets alone may be silence. @returns {Promise<"again" | "done">} */
  async #listen() {
    const { energy } = new StatsReader().read(await this.#peer.stats(), performance.now());
    if (energy === 0) return "again";
    if (!this.#heard && !this.#stopped) this.emit("firstSound", {});
    this.#heard = true;
    return "done";
  }

  /** One reading at a time: on a slow machine readings are late, they do not pile up. @param {number} everyMs @param {() => Promise<"again" | "done">} work */
  async #repeat(everyMs, work) {
    while (!this.#stopped && !this.#peer.dead) {
      if ((await work()) === "done") return;
      await new Promise((wake) => setTimeout(wake, everyMs));
    }
  }
}
