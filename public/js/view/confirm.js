// @ts-check
/** @file Asks before something is done that cannot be undone. Escape and the other button both mean no. */

import { make } from "../dom.js";

/**
 * @param {string} title @param {string} text
 * @param {string} does what the button that does it says
 * @param {{keeps?: string, word?: string}} [how] `keeps`: what the other button says. `word`: has to be typed before the
 *   first button works, for what is gone for good
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, does, { keeps = "Cancel", word } = {}) {
  // Not the form's: Enter in a field would press the first button that is.
  const no = make("button", { type: "button", value: "no" }, keeps);
  const yes = /** @type {HTMLButtonElement} */ (make("button", { value: "yes", class: "main" }, does));
  const typing = word ? typed(word, yes) : [];
  const form = make("form", { method: "dialog", autocomplete: "off" }, ...typing, no, yes);
  const dialog = /** @type {HTMLDialogElement} */ (
    make("dialog", { id: "confirm", "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" }, make("h2", { id: "confirm-title" }, title), make("p", { id: "confirm-text" }, text), form)
  );
  document.body.append(dialog);
  no.addEventListener("click", () => dialog.close("no"));
  // Whoever only presses Enter has not decided.
  (typing.length > 0 ? typing[1] : no).setAttribute("autofocus", "");
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/** What was asked does not matter any more. */
export function dismiss() {
  /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog#confirm[open]"))?.close("no");
}

/** @param {string} word @param {HTMLButtonElement} yes @returns {HTMLElement[]} a label and its field */
function typed(word, yes) {
  const field = /** @type {HTMLInputElement} */ (make("input", { type: "text", id: "confirm-word", autocomplete: "off", autocapitalize: "off", spellcheck: "false" }));
  yes.disabled = true;
  field.addEventListener("input", () => (yes.disabled = field.value.trim().toLowerCase() !== word));
  return [make("label", { for: "confirm-word" }, `Type “${word}” to go on`), field];
}
