// @ts-check
/** @file The transcript of a test run as a table: what the page saw, what was stored, and whether they agree. */

import { make } from "../dom.js";

/** @type {Record<string, string>} */
const NAMES = { ai: "Interviewer", candidate: "You" };
/** @type {Record<string, string>} */
const VERDICTS = { same: "same", different: "different", not_stored: "not stored", not_seen: "not seen", unfinished: "cut off by the end" };

/** @param {HTMLElement} body a `<tbody>` @param {import("../types.js").SeenTurn[]} turns */
export function showSeen(body, turns) {
  body.replaceChildren(
    ...turns
      .filter(({ text, final }) => text.trim() !== "" || !final)
      .map(({ itemId, speaker, text, final }) => row({ itemId, speaker, seen: text || "…", stored: "", verdict: final ? "" : "speaking" })),
  );
}

/** @param {HTMLElement} body @param {import("../call/compare.js").Row[]} rows */
export function showComparison(body, rows) {
  body.replaceChildren(...rows.map(({ itemId, speaker, seen, stored, verdict }) => row({ itemId, speaker, seen: seen ?? "", stored: stored ?? "", verdict })));
}

/** @param {{itemId: string, speaker: string, seen: string, stored: string, verdict: string}} cells */
function row({ itemId, speaker, seen, stored, verdict }) {
  return make(
    "tr",
    { "data-speaker": speaker, "data-item": itemId, "data-verdict": verdict },
    make("td", {}, NAMES[speaker] ?? speaker),
    make("td", { "data-label": "Seen" }, seen),
    make("td", { "data-label": "Stored" }, stored),
    make("td", {}, VERDICTS[verdict] ?? verdict),
  );
}
