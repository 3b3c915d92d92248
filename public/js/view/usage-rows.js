// @ts-check
/** @file What calls consumed, row by row: what it was, what it cost, and what has to be known about it. */

import { nameOf } from "../call-words.js";
import { make } from "../dom.js";
import { consumed, dollars, marks } from "../money.js";

/** @typedef {import("../types.js").UsageRow} UsageRow */

/**
 * @param {UsageRow[]} rows @param {string} group
 * @param {Map<string, import("../types.js").Session>} sessions those whose names are known
 * @returns {HTMLElement[]} `<li>`s
 */
export function usageRows(rows, group, sessions) {
  const most = Math.max(...rows.map(({ cost_usd }) => cost_usd ?? 0), 0);
  return rows.map((row) => usageRow(row, group, sessions, most));
}

/** @param {UsageRow} row @param {string} group @param {Map<string, import("../types.js").Session>} sessions @param {number} most */
function usageRow(row, group, sessions, most) {
  const notes = marks(row).map(([mark, words]) => make("li", { "data-mark": mark }, words));
  const meter = make("progress", { max: String(most || 1), value: String(row.cost_usd ?? 0), "aria-label": "Beside the most expensive one" });
  return make(
    "li",
    { class: "usage-row sheet", "data-key": row.key, "data-payer": row.payer },
    make("div", { class: "usage-head" }, make("h3", {}, title(row, group, sessions)), make("span", { class: "cost" }, dollars(row.cost_usd))),
    meter,
    make("p", { class: "aside" }, consumed(row).join(" · ")),
    ...(notes.length > 0 ? [make("ul", { class: "marks", "aria-label": "What has to be known about it" }, ...notes)] : []),
  );
}

/** @param {UsageRow} row @param {string} group @param {Map<string, import("../types.js").Session>} sessions @returns {Node | string} */
function title({ key }, group, sessions) {
  if (group !== "session") return group === "model" ? key : dayOf(key);
  const session = sessions.get(key);
  return make("a", { href: `/past-calls/${encodeURIComponent(key)}` }, session ? nameOf(session) : `Interview ${key.slice(-8)}`);
}

/** Days are those of the server's list, in UTC, whatever the reader's clock says. @param {string} key `2026-01-31` or `2026-01` */
function dayOf(key) {
  const at = new Date(`${key.length === 7 ? `${key}-01` : key}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return key;
  /** @type {Intl.DateTimeFormatOptions} */
  const form = key.length === 7 ? { month: "long", year: "numeric" } : { weekday: "short", day: "numeric", month: "long", year: "numeric" };
  return at.toLocaleDateString("en", { ...form, timeZone: "UTC" });
}
