// @ts-check
/** @file The record of one call: what it was, its stages, every turn with whose word it is, and the files of it. */

import { Api, transcriptPath } from "../api.js";
import { endingOf, lengthOf, nameOf, namesOf, statusOf, whenOf } from "../call-words.js";
import { find, make, say } from "../dom.js";
import { Desk, isAdmin } from "../view/desk.js";
import { OwnRecord } from "../view/own-record.js";
import { showStages, showTurns } from "../view/record.js";

const api = new Api();
const sessionId = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");

/** @param {import("../types.js").Me} me */
async function show(me) {
  const [session, record] = await Promise.all([api.session(sessionId), api.transcript(sessionId)]);
  const name = nameOf(session);
  document.title = `Viva: ${name}`;
  say(find("title", HTMLElement), name);
  showFacts(session);
  showStages(find("stages", HTMLElement), session, record.stages);
  const { model, speaker } = namesOf(session.kind);
  const interview = { stages: session.stages ?? [], candidate: session.candidate_name ?? speaker, model, began: session.started_at };
  const spoken = showTurns(find("turns", HTMLElement), record.turns, interview);
  find("no-turns", HTMLElement).hidden = spoken > 0;
  const isOwn = session.user_id === me.user.id;
  if (isOwn || isAdmin(me)) await new OwnRecord(api, session, isOwn ? "own" : "another's").show();
  find("record", HTMLElement).hidden = false;
}

/** @param {import("../types.js").Session} session */
function showFacts(session) {
  const { word } = statusOf(session);
  /** @type {[string, string][]} */
  const facts = [
    ["Status", [word, endingOf(session.ended_by)].filter(Boolean).join(", ")],
    ["Began", whenOf(session.started_at)],
    ["Length", lengthOf(session)],
    ["Turns", session.started_at ? `${session.candidate_turns ?? 0} by the candidate, ${session.agent_turns ?? 0} by the interviewer` : ""],
    ["Model", session.simulation ? "simulated" : ""],
  ];
  find("facts", HTMLElement).replaceChildren(...facts.filter(([, value]) => value !== "").map(([label, value]) => make("div", {}, make("dt", {}, label), make("dd", {}, value))));
}

for (const format of ["txt", "md", "json", "journal"]) find(`as-${format}`, HTMLAnchorElement).href = `${transcriptPath(sessionId)}?format=${format}`;
const desk = new Desk(api);
void desk.open(show);
