// @ts-check
/** @file The stored record against what this page saw. Pure. */

/** @typedef {"same" | "different" | "not_stored" | "not_seen"} Verdict */
/** @typedef {{itemId: string, speaker: string, seen: string | null, stored: string | null, verdict: Verdict}} Row */

/**
 * Rows in the record's order, then what only the page saw. Turns without words on both sides are left out:
 * a cough is not a missing turn. A turn whose words had not come when the call ended cannot be judged, so it is too.
 * @param {import("../types.js").SeenTurn[]} seen
 * @param {import("../types.js").StoredTurn[]} stored
 * @returns {{rows: Row[], agrees: boolean}}
 */
export function compare(seen, stored) {
  const spoken = new Map(seen.filter(({ final, text }) => final && tidy(text) !== "").map((turn) => [turn.itemId, turn]));
  /** @type {Row[]} */
  const rows = [];
  for (const turn of stored) {
    if (turn.speaker === "system" || tidy(turn.text) === "") continue;
    const match = spoken.get(turn.item_id);
    spoken.delete(turn.item_id);
    const verdict = match ? (tidy(match.text) === tidy(turn.text) ? "same" : "different") : "not_seen";
    rows.push({ itemId: turn.item_id, speaker: turn.speaker, seen: match?.text ?? null, stored: turn.text, verdict });
  }
  for (const turn of spoken.values()) {
    rows.push({ itemId: turn.itemId, speaker: turn.speaker, seen: turn.text, stored: null, verdict: "not_stored" });
  }
  return { rows, agrees: rows.length > 0 && rows.every(({ verdict }) => verdict === "same") };
}

/** @param {string} text */
function tidy(text) {
  return text.replace(/\s+/gu, " ").trim();
}
