// @ts-check
/** @file What calls consumed and cost, by day, month, interview or model, and the budgets that bound it. */

import { Api } from "../api.js";
import { find, say } from "../dom.js";
import { counted, dollars } from "../money.js";
import { Budgets } from "../view/budgets.js";
import { Desk } from "../view/desk.js";
import { usageRows } from "../view/usage-rows.js";

/** Interviews whose names are looked up; older ones are named by their number. */
const NAMED = 100;

const api = new Api();
const desk = new Desk(api);
const budgets = new Budgets(api);
const form = find("wanted", HTMLFormElement);
const group = find("group", HTMLSelectElement);
const from = find("from", HTMLInputElement);
const to = find("to", HTMLInputElement);
const list = find("rows", HTMLElement);
/** The answer that was asked for last counts, also when an earlier one comes after it. */
let asked = 0;

async function show() {
  const mine = (asked += 1);
  const wanted = { group: group.value, from: from.value, to: to.value };
  const names = wanted.group === "session" ? api.sessions({ limit: NAMED }).then(({ items }) => items) : Promise.resolve([]);
  const [usage, sessions] = await Promise.all([api.usage(wanted), names]);
  if (mine !== asked) return;
  from.value ||= usage.from;
  to.value ||= usage.to;
  list.replaceChildren(...usageRows(usage.items, usage.group, new Map(sessions.map((session) => [session.id, session]))));
  find("none", HTMLElement).hidden = usage.items.length > 0;
  find("cut", HTMLElement).hidden = !usage.cut;
  say(find("total-cost", HTMLElement), dollars(usage.total.cost_usd));
  const { replies, transcriptions, confirmed } = usage.total;
  const sure = confirmed ? "" : " Part of it was reported by browsers and is not confirmed.";
  say(find("total-facts", HTMLElement), `On this server’s bill: ${counted(replies, "reply", "replies")}, ${counted(transcriptions, "turn written down", "turns written down")}.${sure} Reckoned with the prices of ${usage.prices}.`);
  say(find("told", HTMLElement), `${counted(usage.items.length, "row")}, ${usage.from} to ${usage.to}`);
  find("usage", HTMLElement).hidden = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void desk.attempt(show);
});
for (const field of [group, from, to]) field.addEventListener("change", () => void desk.attempt(show));
void desk.open(async (me) => {
  const role = me.tenants[0]?.role;
  await show();
  if (role === "interviewer" || role === "admin") await budgets.show(role === "admin");
});
