// @ts-check
/** @file What people may ask of what is stored about them, in words: why it was refused. Pure. */

import { explain } from "./explain.js";

/** What has to be typed before anything is erased. */
export const ERASE = "erase";

/** Here these codes are about records and accounts, and only the server knows which rule it was. */
const OWN_WORDS = new Set(["CONFLICT", "FORBIDDEN", "LEGAL_HOLD"]);

/** @param {unknown} error @returns {string} */
export function refusalOf(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  if (OWN_WORDS.has(code ?? "") && message) return message;
  const { title, help } = explain(error);
  return `${title}. ${help}`;
}
