// @ts-check
/**
 * @file The conversation as a list: turns in the order in which they began, stages as headings between them.
 * Final words are also spoken once by a live region; streaming words are not, they would never stop.
 */

import { make, say } from "../dom.js";
import { Tail } from "./tail.js";

/** Turns kept in the page; older ones stay in the record. */
const MAX_ENTRIES = 300;

/** @typedef {Record<import("../types.js").Speaker, string>} Names */

/** @type {Names} */
const NAMES = { ai: "Interviewer", candidate: "You" };

export class Captions {
  #list;
  #live;
  #names;
  #tail;
  /** @type {Map<string, HTMLElement>} by item id */
  #entries = new Map();
  /** @type {Set<string>} stages that have their heading */
  #stages = new Set();

  /** @param {HTMLElement} list an `<ol>` that scrolls @param {HTMLElement} live a polite live region @param {Names} [names] */
  constructor(list, live, names = NAMES) {
    this.#list = list;
    this.#live = live;
    this.#names = names;
    this.#tail = new Tail(list);
  }

  /** Keeps a turn's place before its words are known. @param {string} itemId @param {import("../types.js").Speaker} speaker */
  place(itemId, speaker) {
    if (!this.#entries.has(itemId)) this.#entry(itemId, speaker);
  }

  /**
   * @param {object} caption
   * @param {string} caption.itemId
   * @param {import("../types.js").Speaker} caption.speaker
   * @param {string} caption.text the whole text so far
   * @param {boolean} caption.final
   * @param {number} [caption.n] its number in the journal; of two final captions of one turn the higher is right
   * @param {"now" | "before"} [told] what was said before this page listened is shown, and not read out
   */
  put({ itemId, speaker, text, final, n }, told = "now") {
    const known = this.#entries.get(itemId);
    if (known?.dataset.final === "yes" && (!final || (n ?? 0) < numberOf(known))) return;
    if (final && text.trim() === "") return this.#remove(itemId);
    const entry = known ?? this.#entry(itemId, speaker);
    const fresh = final && entry.dataset.final !== "yes";
    entry.dataset.final = final ? "yes" : "no";
    if (n !== undefined) entry.dataset.n = String(n);
    this.#write(entry, text);
    if (fresh && told === "now") say(this.#live, `${this.#names[speaker]}: ${text}`);
  }

  /** @param {string} itemId */
  markInterrupted(itemId) {
    this.#entries.get(itemId)?.setAttribute("data-interrupted", "yes");
  }

  /**
   * @param {string} name @param {string} label
   * @param {number} [n] of a change that was missed: it stands after what the journal has before it, not at the end
   */
  stage(name, label, n) {
    if (this.#stages.has(name)) return;
    this.#stages.add(name);
    const heading = make("li", { class: "stage-mark" }, make("span", {}, label));
    const before = n === undefined ? undefined : [...this.#entries.values()].findLast((entry) => entry.dataset.n !== undefined && numberOf(entry) < n);
    if (!before) return this.#append(heading);
    before.after(heading);
    this.#tail.follow();
  }

  /** The stored record in place of everything that was shown. @param {import("../types.js").StoredTurn[]} turns @param {(stage: string) => string} labelOf */
  showRecord(turns, labelOf) {
    this.#list.replaceChildren();
    this.#entries.clear();
    this.#stages.clear();
    for (const turn of turns) {
      if (turn.speaker === "system" || turn.text.trim() === "") continue;
      if (turn.stage) this.stage(turn.stage, labelOf(turn.stage));
      const entry = this.#entry(turn.item_id, turn.speaker);
      entry.dataset.final = "yes";
      entry.dataset.n = String(turn.n);
      if (turn.state === "interrupted") entry.dataset.interrupted = "yes";
      this.#write(entry, turn.text);
    }
  }

  /** @param {string} itemId @param {import("../types.js").Speaker} speaker */
  #entry(itemId, speaker) {
    const entry = make(
      "li",
      { class: "turn", "data-speaker": speaker, "data-item": itemId, "data-final": "no" },
      make("span", { class: "who" }, this.#names[speaker]),
      make("p", {}, "…"),
    );
    this.#entries.set(itemId, entry);
    this.#append(entry);
    return entry;
  }

  /** @param {string} itemId */
  #remove(itemId) {
    this.#entries.get(itemId)?.remove();
    this.#entries.delete(itemId);
  }

  /** @param {HTMLElement} entry @param {string} text */
  #write(entry, text) {
    const words = /** @type {Element} */ (entry.lastElementChild);
    say(words, text === "" ? "…" : text);
    this.#tail.follow();
  }

  /** @param {HTMLElement} item */
  #append(item) {
    this.#list.append(item);
    while (this.#list.childElementCount > MAX_ENTRIES) {
      const oldest = /** @type {HTMLElement} */ (this.#list.firstElementChild);
      this.#entries.delete(oldest.dataset.item ?? "");
      oldest.remove();
    }
    this.#tail.follow();
  }
}

/** @param {HTMLElement} entry */
function numberOf(entry) {
  return Number(entry.dataset.n ?? 0);
}
