// @ts-check
/** @file Keys with which other servers act in the organisation: made, shown once, taken back. */

import { factsOf, stateOf } from "../access-words.js";
import { find, make } from "../dom.js";
import { refusalOf } from "../role-words.js";
import { confirmed } from "./confirm.js";
import { FieldErrors, fieldOf } from "./field-errors.js";
import { ShownOnce } from "./shown-once.js";

/** @typedef {import("../types.js").AccessKey} AccessKey */

export class AccessKeys {
  #api;
  #desk;
  #list = find("access", HTMLElement);
  #form = find("make", HTMLFormElement);
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector("button[type=submit]"));
  #errors = new FieldErrors(this.#form);
  #made = new ShownOnce("made");

  /** @param {import("../api.js").Api} api @param {import("./desk.js").Desk} desk */
  constructor(api, desk) {
    this.#api = api;
    this.#desk = desk;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#submit.disabled) return;
      this.#submit.disabled = true;
      void this.#make().finally(() => (this.#submit.disabled = false));
    });
  }

  async show() {
    const keys = await this.#api.accessKeys();
    this.#list.replaceChildren(...keys.map((key) => this.#entry(key)));
    find("no-access", HTMLElement).hidden = keys.length > 0;
  }

  /** @param {AccessKey} key */
  #entry(key) {
    const state = stateOf(key, this.#api.now());
    const who = make("p", { class: "who-it-is" }, make("strong", {}, key.name), make("span", { class: "aside" }, factsOf(key, this.#api.now())));
    const entry = make("li", { "data-key": key.id, "data-state": state }, who);
    if (state === "revoked") return entry;
    const revoke = make("button", { type: "button", "aria-label": `Revoke ${key.name}` }, "Revoke");
    revoke.addEventListener("click", () => void this.#revoke(key));
    entry.append(revoke);
    return entry;
  }

  async #make() {
    this.#errors.clear();
    const fields = new FormData(this.#form);
    const days = Number(fields.get("expires_in_days"));
    const wanted = { name: String(fields.get("name")).trim(), scopes: fields.getAll("scopes").map(String), ...(days > 0 ? { expires_in_days: days } : {}) };
    if (wanted.name === "") return void this.#errors.show("name", "Say what it is for: that is how you will know it again.");
    if (wanted.scopes.length === 0) return void this.#errors.show("scopes", "Choose at least one thing that it may do.");
    try {
      this.#made.show((await this.#api.makeAccessKey(wanted)).value);
    } catch (error) {
      return void this.#errors.show(fieldOf(error) ?? "name", refusalOf(error).replace(/^`[a-z_]+`/, "This"));
    }
    this.#form.reset();
    await this.#desk.attempt(() => this.show());
  }

  /** @param {AccessKey} key */
  async #revoke({ id, name }) {
    if (!(await confirmed("Revoke this key?", `Whatever uses “${name}” is refused from now on. This cannot be undone.`, "Revoke"))) return;
    await this.#desk.attempt(async () => {
      await this.#api.revokeAccessKey(id);
      await this.show();
    });
  }
}
