// @ts-check
/** @file What was consumed and what it cost, in words. Pure. A price that nobody knows is said to be unknown, never guessed. */

/** @typedef {import("./types.js").UsageRow} UsageRow */
/** @typedef {import("./types.js").Budget} Budget */

/** US dollars with as many digits as they deserve: cents from a dollar on, and the first figures of less. @param {number | null | undefined} usd @returns {string} */
export function dollars(usd) {
  if (usd === null || usd === undefined) return "Cost unknown";
  if (usd === 0) return "$0";
  if (usd >= 1) return `$${usd.toFixed(2)}`;
  return `$${usd.toFixed(usd >= 0.01 ? 4 : 6)}`;
}

/** @param {number} count @param {string} one @param {string} [many] @returns {string} */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** What was consumed, the largest first said; figures that are none are left out. @param {Omit<UsageRow, "key" | "payer">} sums @returns {string[]} */
export function consumed(sums) {
  const read = sums.text_in + sums.audio_in + sums.image_in;
  const cached = sums.text_cached + sums.audio_cached + sums.image_cached;
  const made = sums.text_out + sums.audio_out;
  const parts = [counted(sums.replies, "reply", "replies"), counted(sums.transcriptions, "turn written down", "turns written down")];
  if (read > 0) parts.push(`${counted(read, "token")} read${cached > 0 ? `, ${cached.toLocaleString("en")} of them cached` : ""}`);
  if (made > 0) parts.push(`${counted(made, "token")} made`);
  if (sums.ms > 0) parts.push(`${minutes(sums.ms)} of sound`);
  return parts;
}

/** @param {number} ms @returns {string} */
function minutes(ms) {
  const seconds = Math.round(ms / 1_000);
  return seconds < 60 ? counted(seconds, "second") : `${(seconds / 60).toFixed(1)} minutes`;
}

/** What has to be known about a row. @param {Pick<UsageRow, "payer" | "confirmed" | "cost_usd">} row @returns {[mark: string, words: string][]} */
export function marks({ payer, confirmed, cost_usd }) {
  /** @type {[string, string][]} */
  const found = [];
  if (payer === "key_owner") found.push(["owner", "On the bill of whoever owns the key"]);
  if (!confirmed) found.push(["unconfirmed", "Partly reported by browsers, not confirmed"]);
  if (cost_usd === null) found.push(["unpriced", "A model in it has no price in the list"]);
  return found;
}

/** @type {Record<string, string>} */
const WHOSE = { tenant: "Everybody here together", user: "Each person" };
/** @type {Record<string, string>} */
const PERIODS = { day: "a day", month: "a month" };

/** @param {{scope: string, period: string}} budget @returns {string} */
export function budgetName({ scope, period }) {
  return `${WHOSE[scope] ?? scope}, ${PERIODS[period] ?? period}`;
}

/** @type {Record<string, [string, "good" | "fair" | "bad"]>} */
const STANDINGS = { ok: ["Enough is left", "good"], low: ["Little is left", "fair"], exhausted: ["Used up", "bad"] };

/** Where a budget stands, and what that means for calls. @param {Budget} budget @returns {{word: string, mood: "good" | "fair" | "bad", means: string}} */
export function standingOf({ standing, hard }) {
  const [word, mood] = STANDINGS[standing] ?? [standing, "fair"];
  const then = hard ? "new calls are refused and running ones end" : "new calls are refused and running ones go on";
  return { word, mood, means: standing === "exhausted" ? `Now ${then}.` : `When it is used up, ${then}.` };
}

/** What somebody typed as an amount. @param {string} text @returns {number | null} null: it is none */
export function amount(text) {
  const plain = text.trim().replace(/^\$\s*/, "").replace(",", ".");
  if (!/^\d{1,7}(\.\d{1,6})?$/.test(plain)) return null;
  const usd = Number(plain);
  return usd <= 1_000_000 ? usd : null;
}
