// @ts-check
/** @file What is left to say after something was erased: that it is gone, and where to go. Nothing of it stays on the page. */

import { find, make } from "../dom.js";

/** @param {string} what the sentence with what is gone @param {{href: string, label: string}} next */
export function showErased(what, { href, label }) {
  const main = find("main", HTMLElement);
  const title = make("h1", { id: "erased" }, "Erased");
  main.replaceChildren(title, make("p", { class: "lede", role: "status" }, what), make("p", {}, make("a", { class: "button main", href }, label)));
  document.title = "Viva: erased";
  main.tabIndex = -1;
  main.focus();
}

/** Backups are written before the erasure is. */
export const FROM_BACKUPS = "Backups from before may hold it for up to 30 days more.";
