// @ts-check
/** @file The questions that are asked before a consent is taken back or an interview is erased, wherever that is offered. */

import { ERASE } from "../rights-words.js";
import { confirmed } from "./confirm.js";

const NEXT = "What was said so far stays stored until it is erased, which you can ask for next.";

/** @param {"running" | "over"} interview @returns {Promise<boolean>} whether it is meant */
export function asksBack(interview) {
  const text = interview === "running" ? `The call is hung up at once, and the interview cannot be taken up again. ${NEXT}` : NEXT;
  return confirmed("Take your consent back?", text, "Take it back", { keeps: interview === "running" ? "Go on" : "Leave it" });
}

/** Erases an interview once the word was typed. @param {import("../api.js").Api} api @param {string} id @returns {Promise<boolean>} false: it was not meant */
export async function eraseSession(api, id) {
  const text = "The interview goes with everything of it: what was said, the stages, what you filled in, and the consent. Nobody can bring it back.";
  if (!(await confirmed("Erase this interview?", text, "Erase it", { keeps: "Keep it", word: ERASE }))) return false;
  await api.eraseSession(id);
  return true;
}
