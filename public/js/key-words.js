// @ts-check
/** @file A model key in words: what is known of the stored one, and why one was not stored. Pure. */

import { whenOf } from "./call-words.js";
import { explain } from "./explain.js";

/** @typedef {import("./types.js").ModelKey} ModelKey */
/** @typedef {{mood: "good" | "fair" | "bad" | "idle", text: string}} Standing */

/** @param {ModelKey | undefined} key @returns {Standing} */
export function standingOf(key) {
  if (!key) return { mood: "idle", text: "No key is stored." };
  const name = `The key that ends in ${key.last4}`;
  const when = key.checked_at ? ` (checked ${whenOf(key.checked_at)})` : "";
  switch (key.status) {
    case "valid":
      return { mood: "good", text: `${name} is stored, and the provider accepts it${when}.` };
    case "rejected":
      return { mood: "bad", text: `${name} is stored, but the provider refuses it${when}. Interviews with it will fail.` };
    default:
      return { mood: "fair", text: `${name} is stored. The provider has not been asked about it yet.` };
  }
}

/** @param {{valid: boolean | null}} verdict @returns {Standing} */
export function verdictOf({ valid }) {
  if (valid === null) return { mood: "fair", text: "The provider could not be asked. Nothing has changed; try again later." };
  return valid ? { mood: "good", text: "The provider accepts this key." } : { mood: "bad", text: "The provider refuses this key. Replace it, or delete it." };
}

/** Why a typed key was not saved: here the server's own sentence is about this very key. @param {unknown} error @returns {string} */
export function refusalOf(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  if (code === "KEY_REJECTED" || code === "VAULT_UNAVAILABLE") return message ?? "";
  if (code === "VALIDATION_FAILED") return (message ?? "").replace(/^`key`/, "This");
  const { title, help } = explain(error);
  return `${title}. ${help}`;
}
