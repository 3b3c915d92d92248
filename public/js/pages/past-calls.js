// @ts-check
/** @file Calls of the past, the newest first, a page at a time. */

import { Api } from "../api.js";
import { find, say } from "../dom.js";
import { callCard } from "../view/call-card.js";
import { offerClaims } from "../view/claims.js";
import { Desk } from "../view/desk.js";

/** Calls asked for at once: about two screens. */
const PART = 20;

const api = new Api();
const desk = new Desk(api);
const list = find("calls", HTMLElement);
const more = find("more", HTMLButtonElement);
const told = find("told", HTMLElement);
let reader = "";
/** @type {string | null} where the list goes on; null at its end */
let next = null;

async function showMore() {
  const isFirst = list.childElementCount === 0;
  const part = await api.sessions({ limit: PART, before: next });
  const cards = part.items.map((session) => callCard(session, reader));
  list.append(...cards);
  next = part.next;
  more.hidden = next === null;
  find("none", HTMLElement).hidden = list.childElementCount > 0;
  if (isFirst) return;
  say(told, part.items.length === 0 ? "There are no earlier calls." : `${part.items.length} earlier calls`);
  // The button may be gone; whoever pressed it goes on reading where the list went on.
  cards[0]?.querySelector("a")?.focus();
}

more.addEventListener("click", async () => {
  more.disabled = true;
  await desk.attempt(showMore);
  more.disabled = false;
});
void desk.open(async (me) => {
  reader = me.user.id;
  await showMore();
  await offerClaims(api, desk, me);
});
