// @ts-check
/** @file Who belongs to an organisation, with which role: to be changed one at a time. The server decides what may be changed. */

import { whenOf } from "../call-words.js";
import { find, make, say } from "../dom.js";
import { refusalOf } from "../role-words.js";
import { confirmed } from "./confirm.js";
import { FieldErrors } from "./field-errors.js";
import { Notice } from "./notice.js";

const PART = 50;

/** @typedef {import("../types.js").Role} Role */
/** @typedef {import("../types.js").Member} Member */

/** @type {[Role, string][]} */
const ROLES = [["candidate", "Candidate"], ["member", "Member"], ["interviewer", "Interviewer"], ["admin", "Admin"]];

export class People {
  #api;
  #me;
  #list = find("people", HTMLElement);
  #more = find("more-people", HTMLButtonElement);
  #told = find("people-told", HTMLElement);
  #notice = new Notice(find("notice", HTMLElement));
  #form = find("add", HTMLFormElement);
  #email = find("add-email", HTMLInputElement);
  #role = find("add-role", HTMLSelectElement);
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector("button[type=submit]"));
  #errors = new FieldErrors(this.#form);
  /** @type {string | null} */
  #next = null;

  /** @param {import("../api.js").Api} api @param {string} me the id of whoever looks: nobody puts themself out by accident */
  constructor(api, me) {
    this.#api = api;
    this.#me = me;
    this.#role.replaceChildren(...options("member"));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      // A second press of Enter, before the first has an answer.
      if (this.#submit.disabled) return;
      this.#submit.disabled = true;
      void this.#add().finally(() => (this.#submit.disabled = false));
    });
    this.#more.addEventListener("click", () => void this.#do(() => this.#showPart(this.#next)));
  }

  /** The first part of the list, in place of what was shown. */
  async show() {
    await this.#showPart(null);
  }

  /** @param {string | null} before */
  async #showPart(before) {
    const { items, next } = await this.#api.members({ limit: PART, before });
    const entries = items.map((member) => this.#entry(member));
    if (before === null) this.#list.replaceChildren(...entries);
    else this.#list.append(...entries);
    this.#next = next;
    this.#more.hidden = next === null;
  }

  /** @param {Member} member */
  #entry({ user, role, since }) {
    const isMe = user.id === this.#me;
    const name = make("strong", {}, isMe ? `${user.name} (you)` : user.name);
    const who = make("p", { class: "who-it-is" }, name, make("span", { class: "aside" }, [user.email, `since ${whenOf(since)}`].filter(Boolean).join(" · ")));
    const choice = /** @type {HTMLSelectElement} */ (make("select", { "aria-label": `Role of ${user.name}` }, ...options(role)));
    choice.addEventListener("change", () => void this.#change(user, role, choice));
    const remove = make("button", { type: "button", "aria-label": `Remove ${user.name}` }, "Remove");
    remove.addEventListener("click", () => void this.#remove(user));
    return make("li", { "data-user": user.id, "data-role": role }, who, choice, remove);
  }

  /** @param {Member["user"]} user @param {Role} before @param {HTMLSelectElement} choice */
  async #change(user, before, choice) {
    const role = /** @type {Role} */ (choice.value);
    const gives = user.id === this.#me && role !== "admin";
    const isMeant = !gives || (await confirmed("Give up being admin?", "You will no longer see this page. Another admin can make you one again.", "Give it up"));
    const isDone = isMeant && (await this.#do(() => this.#api.changeRole(user.id, role)));
    if (!isDone) choice.value = before;
    else if (gives) location.reload();
    else await this.#do(() => this.#tell(`${user.name} is now ${labelOf(role)}.`));
  }

  /** @param {Member["user"]} user */
  async #remove(user) {
    const isMe = user.id === this.#me;
    const text = isMe ? "You will no longer see this organisation." : `${user.name} will no longer see this organisation. Their interviews stay.`;
    if (!(await confirmed(isMe ? "Leave this organisation?" : `Remove ${user.name}?`, text, isMe ? "Leave" : "Remove"))) return;
    await this.#do(async () => {
      await this.#api.removeMember(user.id);
      if (isMe) return location.assign("/dashboard");
      await this.#tell(`${user.name} was removed.`);
      this.#email.focus();
    });
  }

  async #add() {
    this.#errors.clear();
    const email = this.#email.value.trim();
    if (email === "") return void this.#errors.show("email", "Write their e-mail address.");
    const role = /** @type {Role} */ (this.#role.value);
    try {
      await this.#api.addMember(email, role);
    } catch (error) {
      return void this.#errors.show("email", refusalOf(error));
    }
    this.#email.value = "";
    await this.#do(() => this.#tell(`${email} is now ${labelOf(role)}.`));
  }

  /** Shows the list as it is now, and says what has changed. @param {string} news */
  async #tell(news) {
    await this.show();
    say(this.#told, news);
  }

  /** @param {() => Promise<void>} act @returns {Promise<boolean>} */
  async #do(act) {
    this.#notice.clear();
    try {
      await act();
      return true;
    } catch (error) {
      this.#notice.show("fault", "That was not done", refusalOf(error));
      return false;
    }
  }
}

/** @param {Role} chosen */
function options(chosen) {
  return ROLES.map(([role, label]) => make("option", role === chosen ? { value: role, selected: "" } : { value: role }, label));
}

/** @param {Role} role */
function labelOf(role) {
  return ROLES.find(([known]) => known === role)?.[1].toLowerCase() ?? role;
}
