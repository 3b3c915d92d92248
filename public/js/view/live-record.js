// @ts-check
/** @file The record of an interview as it grows: turns in the order in which they were spoken, and the stages. */

import { namesOf } from "../call-words.js";
import { find, say } from "../dom.js";
import { showStages, turnItem } from "./record.js";

/** @typedef {import("../follow.js").ToldTurn} ToldTurn */

/** Turns that stay on the page; the record has all of them. */
const KEPT = 500;
/** Nearer to the end than this a reader is following, and is taken along. */
const FOLLOWING_PX = 120;

export class LiveRecord {
  #session;
  #list = find("turns", HTMLElement);
  #stages = find("stages", HTMLElement);
  /** @type {Record<string, any>[]} */
  #changes = [];
  /** @type {Map<string, {turn: ToldTurn, item: HTMLElement}>} by item and part of it */
  #turns = new Map();

  /** @param {import("../types.js").Session} session */
  constructor(session) {
    this.#session = { ...session };
    this.#showStages();
  }

  /** @param {ToldTurn} turn */
  add(turn) {
    if (turn.speaker === "system" || !turn.text?.trim()) return;
    const isFollowing = document.documentElement.scrollHeight - scrollY - innerHeight < FOLLOWING_PX;
    const item = this.#item(turn);
    const later = [...this.#list.children].findLast((element) => (element.getAttribute("data-at") ?? "") <= turn.spoken_at);
    if (later) later.after(item);
    else this.#list.prepend(item);
    this.#turns.set(keyOf(turn), { turn, item });
    if (this.#list.childElementCount > KEPT) this.#list.firstElementChild?.remove();
    find("no-turns", HTMLElement).hidden = true;
    if (isFollowing) item.scrollIntoView({ block: "end" });
  }

  /** What became of a turn; without words they are as they were. @param {ToldTurn} news */
  revise(news) {
    const known = this.#turns.get(keyOf(news));
    if (!known) return this.add(news);
    const turn = { ...known.turn, ...news, text: news.text ?? known.turn.text };
    const item = this.#item(turn);
    known.item.replaceWith(item);
    this.#turns.set(keyOf(news), { turn, item });
  }

  /** @param {import("../follow.js").ToldStage} change */
  stage({ from, to, reason, questions_asked, at }) {
    const before = this.#changes.at(-1);
    this.#changes.push({ from, to, reason, questions_asked, at, seconds_in_stage: before ? (Date.parse(at) - Date.parse(before.at)) / 1_000 : 0 });
    this.#session.stage = to;
    this.#session.started_at ??= at;
    if (reason === "skipped" && from) this.#session.skipped_stages = [...(this.#session.skipped_stages ?? []), from];
    this.#showStages();
    const label = this.#session.stages?.find(({ name }) => name === to)?.label ?? to;
    say(find("told", HTMLElement), `New stage: ${label}`);
  }

  #showStages() {
    showStages(this.#stages, this.#session, this.#changes);
  }

  /** @param {ToldTurn} turn */
  #item(turn) {
    const { model, speaker } = namesOf(this.#session.kind);
    const name = turn.speaker === "ai" ? model : (this.#session.candidate_name ?? speaker);
    const seconds = (Date.parse(turn.spoken_at) - Date.parse(this.#session.started_at ?? "")) / 1_000;
    const item = turnItem({ ...turn, text: turn.text ?? "" }, name, seconds);
    item.setAttribute("data-at", turn.spoken_at);
    return item;
  }
}

/** @param {ToldTurn} turn */
function keyOf({ call, item_id, content_index }) {
  return `${call} ${item_id} ${content_index}`;
}
