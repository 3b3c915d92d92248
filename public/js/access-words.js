// @ts-check
/** @file An access key in words: what it may do, how long, and whether it is used. Pure. */

import { whenOf } from "./call-words.js";

/** @typedef {import("./types.js").AccessKey} AccessKey */

/** @type {Record<string, string>} */
const SCOPES = { "sessions:write": "makes interviews", "sessions:read": "reads interviews", "tickets:write": "lets people in" };

/** Whether it still opens anything. @param {AccessKey} key @param {number} now Unix milliseconds @returns {"good" | "expired" | "revoked"} */
export function stateOf({ revoked_at, expires_at }, now) {
  if (revoked_at) return "revoked";
  return expires_at && Date.parse(expires_at) <= now ? "expired" : "good";
}

/** @param {AccessKey} key @param {number} now Unix milliseconds @returns {string} */
export function factsOf(key, now) {
  const may = key.scopes.map((scope) => SCOPES[scope] ?? scope).join(", ");
  const used = key.last_used_at ? `last used ${whenOf(key.last_used_at)}` : "never used";
  const state = stateOf(key, now);
  if (state === "revoked") return `${key.prefix}… · revoked ${whenOf(key.revoked_at)}`;
  const ends = key.expires_at ? `${state === "expired" ? "expired" : "good until"} ${whenOf(key.expires_at)}` : "good until it is revoked";
  return [`${key.prefix}…`, may, used, ends].join(" · ");
}
