// @ts-check
/**
 * @file One owner's model key: its standing, a check, its deletion, and the field for a new one. What is typed is given to
 * the server once and then taken out of the field; it is never shown again.
 */

import { find, make, say } from "../dom.js";
import { refusalOf, standingOf, verdictOf } from "../key-words.js";
import { confirmed } from "./confirm.js";
import { FieldErrors } from "./field-errors.js";

/** @typedef {import("../api.js").Owner} Owner */

export class KeyPanel {
  #api;
  #owner;
  #desk;
  #state;
  #stored;
  #form;
  #field;
  #submit;
  #errors;

  /** @param {import("../api.js").Api} api @param {Owner} owner also the id of its section @param {import("./desk.js").Desk} desk */
  constructor(api, owner, desk) {
    this.#api = api;
    this.#owner = owner;
    this.#desk = desk;
    const section = find(owner, HTMLElement);
    section.append(find("key-parts", HTMLTemplateElement).content.cloneNode(true));
    const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (section.querySelector(selector));
    this.#state = part(".state");
    this.#stored = part(".stored");
    this.#form = /** @type {HTMLFormElement} */ (part(".entry"));
    this.#field = /** @type {HTMLInputElement} */ (part("input"));
    this.#submit = /** @type {HTMLButtonElement} */ (part("button[type=submit]"));
    this.#errors = new FieldErrors(this.#form);
    this.#field.id = `${owner}-key`;
    part("label").setAttribute("for", this.#field.id);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#save();
    });
    part(".check").addEventListener("click", ({ currentTarget }) => void this.#check(/** @type {HTMLButtonElement} */ (currentTarget)));
    part(".delete").addEventListener("click", () => void this.#delete());
    section.hidden = false;
  }

  async show() {
    const [key] = await this.#api.keys(this.#owner);
    this.#say(standingOf(key));
    this.#stored.hidden = !key;
    say(this.#submit, key ? "Check and replace" : "Check and save");
  }

  async #save() {
    const key = this.#field.value.trim();
    this.#errors.clear();
    if (key === "") return void this.#errors.show("key", "Paste the key first.");
    this.#submit.disabled = true;
    try {
      await this.#api.saveKey(this.#owner, key);
      this.#field.value = "";
      await this.#desk.attempt(() => this.show());
    } catch (error) {
      this.#errors.show("key", refusalOf(error));
    }
    this.#submit.disabled = false;
  }

  /** @param {HTMLButtonElement} button */
  async #check(button) {
    button.disabled = true;
    await this.#desk.attempt(async () => {
      const verdict = await this.#api.validateKey(this.#owner);
      await this.show();
      this.#say(verdictOf(verdict));
    });
    button.disabled = false;
  }

  async #delete() {
    const text = "Interviews then use another key, or cannot start when there is none. The key stays valid at the provider until you revoke it there.";
    if (!(await confirmed("Delete this key?", text, "Delete it"))) return;
    await this.#desk.attempt(async () => {
      await this.#api.deleteKey(this.#owner);
      await this.show();
      this.#field.focus();
    });
  }

  /** @param {import("../key-words.js").Standing} standing */
  #say({ mood, text }) {
    this.#state.dataset.state = mood;
    this.#state.replaceChildren(make("span", { class: "dot" }), text);
  }
}
