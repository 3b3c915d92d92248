// @ts-check
/** @file An organisation's calls that are under way, looked up again and again, each with a way to end it. */

import { nameOf, progressOf, whenOf } from "../call-words.js";
import { find, make, say } from "../dom.js";
import { confirmed } from "./confirm.js";

const EVERY_MS = 10_000;
const PART = 100;
/** No organisation has more at once than a person can look through. */
const MAX_PARTS = 5;

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
      const since = session.started_at ? `since ${whenOf(session.started_at)} · ${progressOf(session)}` : "is being called";
      say(/** @type {Element} */ (entry.querySelector(".aside")), since);
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
      const { items, next } = await this.#api.sessionsUnderWay({ limit: PART, before });
      live.push(...items);
      if (!next) break;
      before = next;
    }
    return live;
  }

  /** @param {Session} session */
  #add(session) {
    const name = nameOf(session);
    const end = make("button", { type: "button", "aria-label": `End the call ${name}` }, "End");
    end.addEventListener("click", () => void this.#end(session, name));
    const who = make("p", { class: "who-it-is" }, make("a", { href: `/live/${encodeURIComponent(session.id)}` }, name), make("span", { class: "aside" }));
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
