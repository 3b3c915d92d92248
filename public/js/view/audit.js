// @ts-check
/** @file Who did what in the organisation, the newest first, a part at a time. Nothing here can be changed. */

import { tellOf } from "../audit-words.js";
import { whenOf } from "../call-words.js";
import { find, make, say } from "../dom.js";

const PART = 25;
/** People whose names are looked up; others are told by the end of their id. */
const NAMED = 100;

export class AuditTrail {
  #api;
  #desk;
  #list = find("audit", HTMLElement);
  #more = find("more-audit", HTMLButtonElement);
  /** @type {Map<string, string>} */
  #names = new Map();
  /** @type {number | null} */
  #next = null;

  /** @param {import("../api.js").Api} api @param {import("./desk.js").Desk} desk */
  constructor(api, desk) {
    this.#api = api;
    this.#desk = desk;
    this.#more.addEventListener("click", () => void this.#showMore());
  }

  async show() {
    const { items } = await this.#api.members({ limit: NAMED });
    this.#names = new Map(items.map(({ user }) => [user.id, user.name]));
    this.#list.replaceChildren();
    await this.#showPart(null);
    find("no-audit", HTMLElement).hidden = this.#list.childElementCount > 0;
  }

  async #showMore() {
    this.#more.disabled = true;
    await this.#desk.attempt(async () => {
      const before = this.#list.childElementCount;
      await this.#showPart(this.#next);
      // The button may be gone; whoever pressed it goes on reading where the list went on.
      const first = /** @type {HTMLElement | undefined} */ (this.#list.children[before]);
      first?.setAttribute("tabindex", "-1");
      first?.focus();
      say(find("audit-told", HTMLElement), `${this.#list.childElementCount - before} earlier entries`);
    });
    this.#more.disabled = false;
  }

  /** @param {number | null} before */
  async #showPart(before) {
    const { items, next } = await this.#api.audit({ limit: PART, before });
    this.#list.append(...items.map((row) => this.#entry(row)));
    this.#next = next;
    this.#more.hidden = next === null;
  }

  /** @param {import("../types.js").AuditRow} row */
  #entry(row) {
    const { who, deed, record } = tellOf(row, (id) => this.#names.get(id));
    const what = record ? make("a", { href: `/past-calls/${encodeURIComponent(record)}` }, deed) : deed;
    return make("li", { "data-n": String(row.n), "data-action": row.action }, make("p", {}, make("strong", {}, who), " ", what), make("p", { class: "aside" }, whenOf(row.at)));
  }
}
