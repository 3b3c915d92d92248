// @ts-check
/** @file The notice with its tick box. Without the tick there is no agreement, and it says so beside the box. */

import { NOTICE, agreeTo, noticeLines } from "../consent.js";
import { find, make, say } from "../dom.js";
import { judge } from "./health.js";

export class Consent {
  #list = find("consent-notice", HTMLElement);
  #tick = find("consent", HTMLInputElement);
  #error = find("consent-error", HTMLElement);
  #linesOf;
  #notice;
  /** @type {string[]} */
  #lines = [];

  /** @param {(provider: string) => string[]} [linesOf] @param {{version: string, locale: string}} [notice] */
  constructor(linesOf = noticeLines, notice = NOTICE) {
    this.#linesOf = linesOf;
    this.#notice = notice;
    this.showProvider(judge(null).provider);
    this.#tick.addEventListener("change", () => {
      this.#error.hidden = true;
      this.#tick.removeAttribute("aria-invalid");
    });
  }

  /** @param {string} sentence says where the voice goes */
  showProvider(sentence) {
    this.#lines = this.#linesOf(sentence);
    while (this.#list.childElementCount < this.#lines.length) this.#list.append(make("li"));
    this.#lines.forEach((line, index) => say(this.#list.children[index], line));
  }

  /** @returns {Promise<import("../types.js").Agreement | null>} null: not given, and asked for */
  async given() {
    if (this.#tick.checked) return agreeTo(this.#lines, this.#notice);
    say(this.#error, "Please tick the box: nothing starts without your consent.");
    this.#error.hidden = false;
    this.#tick.setAttribute("aria-invalid", "true");
    this.#tick.focus();
    return null;
  }
}
