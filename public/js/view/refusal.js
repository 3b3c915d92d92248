// @ts-check
/** @file A line that says why something was not done, beside what was pressed. */

import { say } from "../dom.js";

/** @param {HTMLElement} place with `role="alert"`, hidden while there is nothing to say @param {string} words empty takes it away */
export function refuse(place, words) {
  say(place, words);
  place.hidden = words === "";
}
