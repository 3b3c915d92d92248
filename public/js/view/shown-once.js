// @ts-check
/** @file A secret that is shown once, to be copied: an access key, a link. It leaves the page with its reader. */

import { find, say } from "../dom.js";

export class ShownOnce {
  #box;
  #value;
  #told;

  /** @param {string} id of the box; its parts are named after it */
  constructor(id) {
    this.#box = find(id, HTMLElement);
    this.#value = find(`${id}-value`, HTMLInputElement);
    this.#told = find(`${id}-told`, HTMLElement);
    find(`${id}-copy`, HTMLButtonElement).addEventListener("click", () => void this.#copy());
    find(`${id}-done`, HTMLButtonElement).addEventListener("click", () => this.#forget());
    // The browser's own button brings pages back as they were left.
    addEventListener("pagehide", () => this.#forget());
  }

  /** @param {string} value */
  show(value) {
    this.#value.value = value;
    this.#box.hidden = false;
    this.#value.focus();
    this.#value.select();
  }

  async #copy() {
    this.#value.select();
    const isCopied = await navigator.clipboard?.writeText(this.#value.value).then(
      () => true,
      () => false,
    );
    say(this.#told, isCopied ? "Copied." : "It could not be copied. It is selected: copy it by hand.");
  }

  #forget() {
    this.#value.value = "";
    this.#box.hidden = true;
    say(this.#told, "");
  }
}
