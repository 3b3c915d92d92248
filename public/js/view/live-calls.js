// @ts-check
/** @file An organisation's calls that are under way, looked up again and again, each with a way to end it. */

import { nameOf, progressOf, whenOf } from "../call-words.js";
import { find, make, say } from "../dom.js";
import { confirmed } from "./confirm.js";

const EVERY_MS = 10_000;
const PART = 100;
/** Calls of the last day are looked through, and no more parts than this: longer no call lasts. */
const MAX_PARTS = 5;
const DAY_MS = 24 * 60 * 60 * 1_000;

/** @typedef {import("../types.js").Session} Session */

export class LiveCalls {
  #api;
  #desk;
  #list = find("live", HTMLElement);
  #count = find("live-count", HTMLElement);
  /** @type {Map<string, HTMLElement>} by session; an entry stays the same element while its call lasts, and keeps the focus */
  #entries = new Map();

  /** @param {import("../api.js").Api} api @param {import("./desk.js").Desk} desk */
  constructor(api, desk) {
    this.#api = api;
    this.#desk = desk;
    // Missing one look is no news: the next one follows.
    setInterval(() => document.visibilityState === "visible" && void this.show().catch(() => {}), EVERY_MS);
  }

  async show() {
    const live = await this.#find();
    const ids = new Set(live.map(({ id }) => id));
    for (const [id, entry] of this.#entries) {
      if (ids.has(id)) continue;
      entry.remove();
      this.#entries.delete(id);
    }
    for (const session of live) {
      const entry = this.#entries.get(session.id) ?? this.#add(session);
      say(/** @type {Element} */ (entry.querySelector(".aside")), `since ${whenOf(session.started_at)} · ${progressOf(session)}`);
    }
    say(this.#count, live.length === 0 ? "Nobody is on a call." : `${live.length} ${live.length === 1 ? "call" : "calls"}`);
  }

  /** @returns {Promise<Session[]>} */
  async #find() {
    /** @type {Session[]} */
    const live = [];
    /** @type {string | null} */
    let before = null;
    for (let parts = 0; parts < MAX_PARTS; parts += 1) {
      /** @type {{items: Session[], next: string | null}} */
      const { items, next } = await this.#api.sessions({ limit: PART, before });
      live.push(...items.filter((session) => session.live));
      const oldest = Date.parse(items.at(-1)?.created_at ?? "");
      if (next === null || oldest < this.#api.now() - DAY_MS) break;
      before = next;
    }
    return live;
  }

  /** @param {Session} session */
  #add(session) {
    const name = nameOf(session);
    const end = make("button", { type: "button", "aria-label": `End the call ${name}` }, "End");
    end.addEventListener("click", () => void this.#end(session, name));
    const who = make("p", { class: "who-it-is" }, make("a", { href: `/past-calls/${encodeURIComponent(session.id)}` }, name), make("span", { class: "aside" }));
    const entry = make("li", { "data-session": session.id }, who, end);
    this.#entries.set(session.id, entry);
    this.#list.append(entry);
    return entry;
  }

  /** @param {Session} session @param {string} name */
  async #end({ id }, name) {
    if (!(await confirmed("End this call?", `“${name}” is hung up at once. What was said so far is kept; the interview cannot be taken up again.`, "End it"))) return;
    await this.#desk.attempt(async () => {
      await this.#api.end(id);
      await this.show();
    });
  }
}
