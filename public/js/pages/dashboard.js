// @ts-check
/** @file The overview: who one is and where one acts, the key one pays with, the last calls, and the way out. */

import { Api } from "../api.js";
import { find, make, say } from "../dom.js";
import { standingOf } from "../key-words.js";
import { ERASE, refusalOf } from "../rights-words.js";
import { callCard } from "../view/call-card.js";
import { offerClaims } from "../view/claims.js";
import { confirmed } from "../view/confirm.js";
import { Desk } from "../view/desk.js";
import { FROM_BACKUPS, showErased } from "../view/erased.js";
import { refuse } from "../view/refusal.js";

const LAST = 5;

const api = new Api();
const desk = new Desk(api);
const choice = find("tenant", HTMLSelectElement);

/** @param {import("../types.js").Me} me */
async function show(me) {
  const { user, tenants } = me;
  const [{ items, next }, [key]] = await Promise.all([api.sessions({ limit: LAST }), api.keys("user")]);
  const [active] = tenants;
  /** @type {[string, string | undefined][]} */
  const facts = [["Name", user.kind === "guest" ? `${user.name}, on this machine only` : user.name], ["E-mail", user.email], ["Place", placeOf(active)]];
  find("who", HTMLElement).replaceChildren(...facts.filter(([, value]) => value).map(([label, value]) => make("div", {}, make("dt", {}, label), make("dd", {}, String(value)))));
  choice.replaceChildren(...tenants.map((tenant) => make("option", { value: tenant.id }, placeOf(tenant))));
  find("act", HTMLElement).hidden = tenants.length < 2;
  // The guest would be signed in again by the next page.
  find("leave", HTMLElement).hidden = user.kind === "guest";
  say(find("key", HTMLElement), key ? standingOf(key).text : "You have stored none. Your organisation’s or this server’s is used, if there is one.");
  find("calls", HTMLElement).replaceChildren(...items.map((session) => callCard(session, user.id, "h3")));
  find("none", HTMLElement).hidden = items.length > 0;
  find("all", HTMLElement).hidden = next === null;
  find("overview", HTMLElement).hidden = false;
  await offerClaims(api, desk, me);
}

/** @param {import("../types.js").Tenant} tenant */
function placeOf({ name, kind, role }) {
  return kind === "personal" ? "Your own" : `${name}, as ${role}`;
}

async function eraseMe() {
  const refusal = find("erase-refusal", HTMLElement);
  refuse(refusal, "");
  const text = "All of your interviews with their records go, here and with every organisation that interviewed you, and with them your keys, your sign-ins and your place here. Nobody can bring them back.";
  if (!(await confirmed("Erase your account?", text, "Erase everything", { keeps: "Keep it", word: ERASE }))) return;
  try {
    await api.eraseMe();
    showErased(`Nothing about you is stored here any more, and you are signed out. ${FROM_BACKUPS}`, { href: "/", label: "To the start" });
  } catch (error) {
    refuse(refusal, refusalOf(error));
  }
}

find("erase-me", HTMLButtonElement).addEventListener("click", () => void eraseMe());
choice.addEventListener("change", () => {
  // Everything on this page, and whether there is an Admin page, hangs on where one acts.
  void desk.attempt(() => api.actIn(choice.value).then(() => desk.open(show)));
});
for (const [id, scope] of /** @type {const} */ ([["sign-out", "here"], ["sign-out-everywhere", "everywhere"]])) {
  find(id, HTMLButtonElement).addEventListener("click", () => {
    void desk.attempt(async () => {
      await api.signOut(scope);
      location.assign("/sign-in");
    });
  });
}
void desk.open(show);
