// @ts-check
/** @file The stored record against what this page saw. Pure. */

/** @typedef {"same" | "different" | "not_stored" | "not_seen" | "unfinished"} Verdict */
/** @typedef {{itemId: string, speaker: string, seen: string | null, stored: string | null, verdict: Verdict}} Row */

/**
 * Rows in the record's order, then what only the page saw. Turns without words on both sides are left out:
 * a cough is not a missing turn. A turn whose words had not all come to the page when the call ended cannot be judged:
 * it is shown if it was stored, and counts neither way.
 * @param {import("../types.js").SeenTurn[]} seen
 * @param {import("../types.js").StoredTurn[]} stored
 * @returns {{rows: Row[], agrees: boolean}}
 */
export function compare(seen, stored) {
  const spoken = new Map(seen.filter(({ final, text }) => final && tidy(text) !== "").map((turn) => [turn.itemId, turn]));
  const open = new Map(seen.filter(({ final }) => !final).map((turn) => [turn.itemId, turn]));
  /** @type {Row[]} */
  const rows = [];
  for (const turn of stored) {
    if (turn.speaker === "system" || tidy(turn.text) === "") continue;
    const whole = spoken.get(turn.item_id);
    const part = open.get(turn.item_id);
    spoken.delete(turn.item_id);
    const verdict = whole ? (tidy(whole.text) === tidy(turn.text) ? "same" : "different") : part ? "unfinished" : "not_seen";
    rows.push({ itemId: turn.item_id, speaker: turn.speaker, seen: (whole ?? part)?.text ?? null, stored: turn.text, verdict });
  }
  for (const turn of spoken.values()) {
    rows.push({ itemId: turn.itemId, speaker: turn.speaker, seen: turn.text, stored: null, verdict: "not_stored" });
  }
  return { rows, agrees: rows.some(({ verdict }) => verdict === "same") && rows.every(({ verdict }) => verdict === "same" || verdict === "unfinished") };
}

/** @param {string} text */
function tidy(text) {
  return text.replace(/\s+/gu, " ").trim();
}
