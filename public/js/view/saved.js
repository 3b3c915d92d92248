// @ts-check
/** @file The end of an interview: what the record holds, and where to get it. It shows the stored record, not memory. */

import { transcriptPath } from "../api.js";
import { find, say } from "../dom.js";
import { explain } from "../explain.js";

/** @type {Record<string, string>} */
const ENDINGS = {
  natural_completion: "The interview came to its end.",
  user_end: "You ended the interview.",
  user_disconnect: "The line was closed for more than a minute, so the interview ended.",
  time_limit: "The time of the interview was up.",
  closing_timeout: "The closing words took too long, so the interview ended.",
  inactivity: "Nothing was said for a while, so the interview ended.",
  admin_end: "The interview was ended by its host.",
  consent_withdrawn: "You took your consent back, so the interview was ended.",
  upstream_error: "The interviewer’s line broke, so the interview ended.",
  no_show: "Nobody joined the call.",
  integrity: "The call was changed from outside the interview, so it was ended.",
  store_unavailable: "The record could not be written for too long, so the interview ended.",
};

/**
 * @param {import("../api.js").Api} api
 * @param {string} sessionId
 * @param {import("./room.js").Room} room
 */
export async function showSaved(api, sessionId, room) {
  const box = find("saved", HTMLElement);
  const text = find("saved-text", HTMLElement);
  const path = transcriptPath(sessionId);
  find("as-text", HTMLAnchorElement).href = `${path}?format=txt`;
  find("as-json", HTMLAnchorElement).href = `${path}?format=json`;
  try {
    const record = await api.transcript(sessionId);
    room.showRecord(record);
    const turns = record.turns.filter(({ speaker, text: words }) => speaker !== "system" && words.trim() !== "").length;
    say(text, `${ENDINGS[record.meta.ended_by] ?? "The interview is over."} The record holds ${turns} ${turns === 1 ? "turn" : "turns"}.`);
    box.dataset.state = "saved";
  } catch (error) {
    const { title, help } = explain(error);
    say(find("saved-title", HTMLElement), "Ended");
    say(text, `The record cannot be shown right now. ${title}. ${help}`);
    box.dataset.state = "unknown";
  }
  box.hidden = false;
  box.focus();
}
