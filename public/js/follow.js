// @ts-check
/**
 * @file Follows an interview while it is written down, by the server's events. A line that breaks is picked up again where
 * it was: by the browser itself, or by this where the browser gives up. It shows nothing and keeps only a number.
 */

import { backoff } from "./call/backoff.js";
import { Emitter } from "./emitter.js";

/** Numbered by the journal: each is told once, whatever the line does. */
const NUMBERED = /** @type {const} */ (["turn", "revised", "stage"]);

/** The server ends the line and somebody else, or the same a moment later, goes on. Any other reason stays one. */
const PASSES = "UNAVAILABLE";

/**
 * @typedef {object} ToldTurn
 * @property {number} n
 * @property {string} item_id
 * @property {number} content_index
 * @property {number} call
 * @property {"candidate" | "ai" | "system"} speaker
 * @property {string} state
 * @property {string} stage
 * @property {string} [text] with `revised` only when the words changed
 * @property {string} source
 * @property {boolean} truncated
 * @property {boolean} disputed
 * @property {string} spoken_at
 *
 * @typedef {{n: number, from: string | null, to: string, reason: string, questions_asked: number, at: string}} ToldStage
 * @typedef {{status: string, webrtc_status: string, stage: string | null, control: string | null, sideband: string | null}} ToldStatus
 * @typedef {{ended_by: string | null, final_stage: string | null}} ToldEnd
 */

/**
 * @extends {Emitter<{
 *   turn: ToldTurn,
 *   revised: ToldTurn,
 *   stage: ToldStage,
 *   status: ToldStatus,
 *   end: ToldEnd,
 *   line: {state: "open" | "lost"},
 *   closed: {code: string},
 * }>}
 */
export class Following extends Emitter {
  #path;
  #make;
  /** @type {EventSource | null} */
  #source = null;
  #last = 0;
  #tries = 0;
  #isOver = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} path @param {(url: string) => EventSource} [make] */
  constructor(path, make = (url) => new EventSource(url)) {
    super();
    this.#path = path;
    this.#make = make;
  }

  open() {
    // A new source knows nothing of the one before; one that comes back by itself says where it was.
    const source = this.#make(this.#last > 0 ? `${this.#path}?after=${this.#last}` : this.#path);
    this.#source = source;
    source.onopen = () => {
      this.#tries = 0;
      this.emit("line", { state: "open" });
    };
    source.onerror = () => this.#lost(source);
    for (const name of NUMBERED) source.addEventListener(name, (event) => this.#told(name, JSON.parse(event.data)));
    source.addEventListener("status", (event) => this.emit("status", JSON.parse(event.data)));
    source.addEventListener("end", (event) => {
      this.close();
      this.emit("end", JSON.parse(event.data));
    });
    source.addEventListener("closed", (event) => {
      const { code } = JSON.parse(event.data);
      if (code === PASSES) return;
      this.close();
      this.emit("closed", { code });
    });
  }

  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  /** @param {"turn" | "revised" | "stage"} name @param {any} told */
  #told(name, told) {
    if (told.n <= this.#last) return;
    this.#last = told.n;
    this.emit(name, told);
  }

  /** @param {EventSource} source */
  #lost(source) {
    if (this.#isOver || source !== this.#source) return;
    this.emit("line", { state: "lost" });
    // Told off (a refusal, no server): the browser does not come back by itself.
    if (source.readyState !== 2) return;
    this.#tries += 1;
    this.#timer = setTimeout(() => this.open(), backoff(this.#tries, Math.random()));
  }
}
