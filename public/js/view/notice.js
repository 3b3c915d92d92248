// @ts-check
/** @file A banner that says what went wrong and offers what can be done about it. One at a time; the newest wins. */

import { make } from "../dom.js";

export class Notice {
  #box;

  /** @param {HTMLElement} box an element with `role="alert"` or `role="status"`, hidden while there is nothing to say */
  constructor(box) {
    this.#box = box;
  }

  /**
   * @param {"fault" | "wait" | "note"} kind
   * @param {string} title
   * @param {string} help
   * @param {{label: string, act: () => void}} [action]
   */
  show(kind, title, help, action) {
    const parts = [make("strong", {}, title), make("span", {}, help)];
    if (action) {
      const button = make("button", { type: "button" }, action.label);
      button.addEventListener("click", action.act);
      parts.push(button);
    }
    this.#box.dataset.kind = kind;
    this.#box.replaceChildren(...parts);
    this.#box.hidden = false;
  }

  /** @param {"fault" | "wait" | "note"} [kind] clears only a banner of this kind */
  clear(kind) {
    if (kind && this.#box.dataset.kind !== kind) return;
    this.#box.hidden = true;
    this.#box.replaceChildren();
    delete this.#box.dataset.kind;
  }
}
