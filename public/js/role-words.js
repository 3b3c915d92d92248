// @ts-check
/** @file Why a change among people was refused, in words. Pure. */

import { explain } from "./explain.js";

/** Here these codes are about people, and only the server knows which rule it was. */
const OWN_WORDS = new Set(["CONFLICT", "NOT_FOUND", "VALIDATION_FAILED"]);

/** @param {unknown} error @returns {string} */
export function refusalOf(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  if (OWN_WORDS.has(code ?? "") && message) return message;
  if (code === "FORBIDDEN") return "Only an admin of this organisation may do that.";
  const { title, help } = explain(error);
  return `${title}. ${help}`;
}
