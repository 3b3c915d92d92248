// @ts-check
/** @file Links for candidates: made, shown once, followed, and taken back while nobody has answered. */

import { find, make } from "../dom.js";
import { refusalOf } from "../role-words.js";
import { factsOf, invitationOf, titleOf } from "../sent-words.js";
import { confirmed } from "./confirm.js";
import { FieldErrors, fieldOf } from "./field-errors.js";
import { ShownOnce } from "./shown-once.js";

const PART = 20;

/** @typedef {import("../types.js").SentInvitation} SentInvitation */

export class Invitations {
  #api;
  #desk;
  #list = find("invitations", HTMLElement);
  #more = find("more-invitations", HTMLButtonElement);
  #form = find("invite", HTMLFormElement);
  #plan = find("invite-plan", HTMLSelectElement);
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector("button[type=submit]"));
  #errors = new FieldErrors(this.#form);
  #link = new ShownOnce("link");
  /** @type {string | null} */
  #next = null;

  /** @param {import("../api.js").Api} api @param {import("./desk.js").Desk} desk */
  constructor(api, desk) {
    this.#api = api;
    this.#desk = desk;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#submit.disabled) return;
      this.#submit.disabled = true;
      void this.#invite().finally(() => (this.#submit.disabled = false));
    });
    this.#more.addEventListener("click", () => void this.#desk.attempt(() => this.#showPart(this.#next)));
  }

  async show() {
    if (this.#plan.options.length === 0) {
      const plans = await this.#api.plans();
      this.#plan.replaceChildren(...plans.map(({ name, label }) => make("option", { value: name }, label)));
    }
    await this.#showPart(null);
  }

  /** @param {string | null} before */
  async #showPart(before) {
    const { items, next } = await this.#api.invitations({ limit: PART, before });
    const entries = items.map((invitation) => this.#entry(invitation));
    if (before === null) this.#list.replaceChildren(...entries);
    else this.#list.append(...entries);
    find("no-invitations", HTMLElement).hidden = this.#list.childElementCount > 0;
    this.#next = next;
    this.#more.hidden = next === null;
  }

  /** @param {SentInvitation} invitation */
  #entry(invitation) {
    const title = titleOf(invitation);
    const isAnswered = invitation.status === "accepted";
    const name = isAnswered ? make("a", { href: `/past-calls/${encodeURIComponent(invitation.session_id)}` }, title) : title;
    const who = make("p", { class: "who-it-is" }, make("strong", {}, name), make("span", { class: "aside" }, factsOf(invitation)));
    const entry = make("li", { "data-invitation": invitation.id, "data-status": invitation.status }, who);
    if (invitation.status !== "pending") return entry;
    const back = make("button", { type: "button", "aria-label": `Take back the invitation ${title}` }, "Take back");
    back.addEventListener("click", () => void this.#takeBack(invitation, title));
    entry.append(back);
    return entry;
  }

  async #invite() {
    this.#errors.clear();
    try {
      const { url } = await this.#api.invite(invitationOf(new FormData(this.#form)));
      this.#link.show(url);
    } catch (error) {
      return this.#refused(error);
    }
    this.#form.reset();
    await this.#desk.attempt(() => this.#showPart(null));
  }

  /** @param {unknown} error */
  #refused(error) {
    const words = refusalOf(error).replace(/^`[a-z_]+`/, "This");
    if (!this.#errors.show(fieldOf(error) ?? "candidate_name", words)) this.#errors.show("candidate_name", words);
  }

  /** @param {SentInvitation} invitation @param {string} title */
  async #takeBack({ id }, title) {
    if (!(await confirmed("Take this invitation back?", `The link for “${title}” stops working, and says so to whoever opens it.`, "Take it back"))) return;
    await this.#desk.attempt(async () => {
      await this.#api.takeBackInvitation(id);
      await this.#showPart(null);
    });
  }
}
