// @ts-check
/** @file Asks before something is done that cannot be undone. Escape and a click on the other button both mean no. */

import { find, say } from "../dom.js";

/**
 * @param {string} title @param {string} text
 * @param {string} does what the button that does it says
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, does) {
  const dialog = find("confirm", HTMLDialogElement);
  say(find("confirm-title", HTMLElement), title);
  say(find("confirm-text", HTMLElement), text);
  say(/** @type {HTMLElement} */ (dialog.querySelector("button.main")), does);
  // Closed by Escape it would still hold what was answered the time before.
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
