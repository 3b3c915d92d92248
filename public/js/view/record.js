// @ts-check
/** @file A stored record on the page: the stages with what became of each, and the turns in the order of the conversation. */

import { duration, marksOf, reasonOf, stagesOf } from "../call-words.js";
import { make } from "../dom.js";
import { clock } from "../format.js";

/** @typedef {import("../types.js").Session} Session */

/** @type {Record<string, string>} */
const STATES = { done: "done", skipped: "skipped", here: "reached", ahead: "not reached" };

/** @param {HTMLElement} list an `<ol>` @param {Session} session @param {Record<string, any>[]} changes each tells how the stage before it was left */
export function showStages(list, session, changes) {
  const left = new Map(changes.filter(({ from }) => from).map((change) => [change.from, change]));
  list.replaceChildren(
    ...stagesOf(session).map(({ name, label, state }) => {
      const change = left.get(name);
      const facts = change ? stageFacts(change) : STATES[state];
      return make("li", { "data-state": state, "data-stage": name }, make("strong", {}, label), make("span", { class: "aside" }, facts));
    }),
  );
}

/** @param {Record<string, any>} change */
function stageFacts({ reason, seconds_in_stage, questions_asked }) {
  const asked = questions_asked === 1 ? "1 question" : `${questions_asked} questions`;
  return [duration(seconds_in_stage), asked, reasonOf(reason)].join(", ");
}

/**
 * @param {HTMLElement} list an `<ol>`
 * @param {import("../types.js").StoredTurn[]} turns
 * @param {{stages: import("../types.js").Stage[], candidate: string, model?: string, began: string | null | undefined}} interview
 * @returns {number} turns with words
 */
export function showTurns(list, turns, { stages, candidate, model = "Interviewer", began }) {
  const spoken = turns.filter(({ text, speaker }) => speaker !== "system" && text.trim() !== "");
  const labels = new Map(stages.map(({ name, label }) => [name, label]));
  /** @type {string | null | undefined} */
  let stage;
  const items = spoken.flatMap((turn) => {
    const heading = turn.stage && turn.stage !== stage ? [make("li", { class: "stage-mark" }, make("h3", {}, labels.get(turn.stage) ?? turn.stage))] : [];
    stage = turn.stage ?? stage;
    return [...heading, turnItem(turn, turn.speaker === "ai" ? model : candidate, (Date.parse(turn.spoken_at ?? "") - Date.parse(began ?? "")) / 1_000)];
  });
  list.replaceChildren(...items);
  return spoken.length;
}

/** @param {import("../types.js").StoredTurn} turn @param {string} name @param {number} seconds into the interview; NaN when that is not known */
export function turnItem(turn, name, seconds) {
  const marks = marksOf(turn).map(({ mark, text, explain }) => make("span", { class: "mark-of", "data-mark": mark, title: explain }, text));
  const at = Number.isNaN(seconds) ? [] : [make("span", { class: "at" }, clock(Math.floor(seconds)))];
  return make(
    "li",
    { class: "turn", "data-speaker": turn.speaker, "data-item": turn.item_id },
    make("p", { class: "turn-head" }, make("span", { class: "who" }, name), ...at, ...marks),
    make("p", { class: "words" }, turn.text),
  );
}
