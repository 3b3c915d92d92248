// @ts-check
/** @file Everything that passed, with a filter. Entries are bounded; the page says when older ones have gone. */

import { make, say } from "../dom.js";
import { Tail } from "./tail.js";

const MAX_ENTRIES = 4_000;
/** Rows in the page; a browser gets slow long before memory runs out. */
const MAX_ROWS = 400;

/** @typedef {"page" | "server" | "model"} Channel */
/** @typedef {{atMs: number, channel: Channel, way: "in" | "out" | "", name: string, data: unknown}} Entry `atMs` counts from the click */

export class Log {
  #list;
  #count;
  #tail;
  #filter = "";
  /** @type {Set<Channel>} */
  #hidden = new Set();
  /** @type {Entry[]} */
  #entries = [];
  #forgotten = 0;

  /** @param {HTMLElement} list @param {HTMLElement} count */
  constructor(list, count) {
    this.#list = list;
    this.#count = count;
    this.#tail = new Tail(list);
  }

  get entries() {
    return this.#entries;
  }

  get forgotten() {
    return this.#forgotten;
  }

  clear() {
    this.#entries = [];
    this.#forgotten = 0;
    this.#renderAll();
  }

  /** @param {Entry} entry */
  add(entry) {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_ENTRIES) {
      this.#entries.shift();
      this.#forgotten += 1;
    }
    if (this.#matches(entry)) this.#append(entry);
    this.#tell();
  }

  /** @param {string} text */
  filter(text) {
    this.#filter = text.trim().toLowerCase();
    this.#renderAll();
  }

  /** @param {Channel} channel */
  show(channel) {
    this.#hidden.delete(channel);
    this.#renderAll();
  }

  /** @param {Channel} channel */
  hide(channel) {
    this.#hidden.add(channel);
    this.#renderAll();
  }

  /** @param {Entry} entry */
  #matches({ channel, name, data }) {
    if (this.#hidden.has(channel)) return false;
    if (this.#filter === "" || name.toLowerCase().includes(this.#filter)) return true;
    return JSON.stringify(data ?? "").toLowerCase().includes(this.#filter);
  }

  /** @param {Entry} entry */
  #append({ atMs, channel, way, name, data }) {
    const details = make(
      "details",
      {},
      make(
        "summary",
        {},
        make("span", { class: "at" }, (atMs / 1_000).toFixed(3)),
        make("span", { class: "channel" }, channel),
        make("span", {}, way === "in" ? "←" : way === "out" ? "→" : "·"),
        make("span", { class: "name" }, name),
      ),
    );
    // Most entries are never opened: their text is made when they are.
    details.addEventListener("toggle", () => details.childElementCount === 1 && details.append(make("pre", {}, JSON.stringify(data, null, 2))), { once: true });
    this.#list.append(make("li", { "data-channel": channel, "data-name": name }, details));
    while (this.#list.childElementCount > MAX_ROWS) this.#list.firstElementChild?.remove();
    this.#tail.follow();
  }

  #renderAll() {
    this.#list.replaceChildren();
    for (const entry of this.#entries.filter((held) => this.#matches(held)).slice(-MAX_ROWS)) this.#append(entry);
    this.#tell();
  }

  #tell() {
    const lost = this.#forgotten > 0 ? `, ${this.#forgotten} older ones forgotten` : "";
    say(this.#count, `${this.#list.childElementCount} of ${this.#entries.length} shown${lost}`);
  }
}
