// @ts-check
/** @file The end of an interview: what the record holds, and where to get it. It shows the stored record, not memory. */

import { transcriptPath } from "../api.js";
import { find, say } from "../dom.js";
import { explain } from "../explain.js";
import { refusalOf } from "../rights-words.js";
import { FROM_BACKUPS } from "./erased.js";
import { eraseSession } from "./erasing.js";
import { refuse } from "./refusal.js";

/** @type {Record<string, string>} */
const ENDINGS = {
  natural_completion: "The interview came to its end.",
  user_end: "You ended the interview.",
  user_disconnect: "The line was closed for more than a minute, so the interview ended.",
  time_limit: "The time of the interview was up.",
  closing_timeout: "The closing words took too long, so the interview ended.",
  inactivity: "Nothing was said for a while, so the interview ended.",
  admin_end: "The interview was ended by its host.",
  consent_withdrawn: "You took your consent back, so the call was hung up and the interview ended. What was said is stored until you have it erased.",
  upstream_error: "The interviewer’s line broke, so the interview ended.",
  no_show: "Nobody joined the call.",
  integrity: "The call was changed from outside the interview, so it was ended.",
  budget: "The budget for this interview was used up, so it ended.",
  store_unavailable: "The record could not be written for too long, so the interview ended.",
};

/**
 * What the person whose interview it is may do with it.
 * @param {import("../api.js").Api} api @param {string} sessionId @param {import("./room.js").Room} room
 */
export function offerErasure(api, sessionId, room) {
  const erase = find("erase", HTMLButtonElement);
  const refusal = find("saved-refusal", HTMLElement);
  erase.hidden = false;
  erase.onclick = async () => {
    refuse(refusal, "");
    try {
      if (!(await eraseSession(api, sessionId))) return;
      room.forget();
      say(find("saved-title", HTMLElement), "Erased");
      say(find("saved-text", HTMLElement), `This interview is not stored here any more. ${FROM_BACKUPS}`);
      for (const id of ["as-text", "as-json", "keep", "erase"]) find(id, HTMLElement).hidden = true;
      const box = find("saved", HTMLElement);
      box.dataset.state = "erased";
      box.focus();
    } catch (error) {
      refuse(refusal, refusalOf(error));
    }
  };
}

/**
 * Whoever has no account can keep the interview by signing in, where one can sign in.
 * @param {import("../api.js").Api} api @param {import("../types.js").Me} me
 */
export async function offerKeeping(api, { user }) {
  if (user.kind !== "invited") return;
  find("another", HTMLElement).hidden = true;
  const { providers } = await api.signInWays().catch(() => ({ providers: [] }));
  find("keep", HTMLElement).hidden = providers.length === 0;
}

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
    if (record.meta.ended_by === "consent_withdrawn") say(find("saved-title", HTMLElement), "Consent taken back");
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
