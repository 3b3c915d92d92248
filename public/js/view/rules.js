// @ts-check
/** @file How the organisation is set up: calls at once, whose key pays, how long interviews are kept. Only what was changed is sent. */

import { find, say } from "../dom.js";
import { refusalOf } from "../role-words.js";
import { confirmed } from "./confirm.js";
import { FieldErrors, fieldOf } from "./field-errors.js";

/** @typedef {import("../types.js").TenantRules} TenantRules */

export class Rules {
  #api;
  #form = find("rules", HTMLFormElement);
  #calls = find("rules-calls", HTMLInputElement);
  #policy = find("rules-policy", HTMLSelectElement);
  #days = find("rules-days", HTMLInputElement);
  #hold = find("rules-hold", HTMLInputElement);
  #told = find("rules-told", HTMLElement);
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector("button[type=submit]"));
  #errors = new FieldErrors(this.#form);
  /** @type {TenantRules | null} as the server said last */
  #now = null;

  /** @param {import("../api.js").Api} api */
  constructor(api) {
    this.#api = api;
    this.#form.addEventListener("input", () => say(this.#told, ""));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#submit.disabled) return;
      this.#submit.disabled = true;
      void this.#save().finally(() => (this.#submit.disabled = false));
    });
  }

  async show() {
    this.#fill(await this.#api.rules());
  }

  /** @param {TenantRules} rules */
  #fill(rules) {
    this.#now = rules;
    this.#calls.value = rules.max_sessions === null || rules.max_sessions === undefined ? "" : String(rules.max_sessions);
    this.#calls.max = String(rules.max_sessions_limit);
    say(find("rules-calls-hint", HTMLElement), `At most ${rules.max_sessions_limit} on this server; empty is as many as that.`);
    this.#policy.value = rules.key_policy;
    this.#days.value = String(rules.retention_days);
    this.#hold.checked = rules.legal_hold;
  }

  async #save() {
    this.#errors.clear();
    const now = this.#now;
    if (!now) return;
    const wanted = this.#read();
    if (!wanted) return;
    const changed = /** @type {Partial<TenantRules>} */ (Object.fromEntries(Object.entries(wanted).filter(([name, value]) => (now[/** @type {keyof TenantRules} */ (name)] ?? null) !== value)));
    if (Object.keys(changed).length === 0) return say(this.#told, "Nothing was changed.");
    if (!(await this.#isMeant(changed, now))) return;
    try {
      this.#fill(await this.#api.changeRules(changed));
      say(this.#told, "Saved.");
    } catch (error) {
      this.#errors.show(fieldOf(error) ?? "max_sessions", refusalOf(error).replace(/^`[a-z_]+`/, "This"));
    }
  }

  /** @returns {Partial<TenantRules> | null} null: something is no number, and it was said */
  #read() {
    const calls = this.#calls.value.trim();
    if (!this.#calls.validity.valid || (calls !== "" && !/^\d+$/.test(calls))) return this.#wrong("max_sessions", `Write a number from 0 to ${this.#calls.max}, or nothing.`);
    if (!/^\d+$/.test(this.#days.value.trim())) return this.#wrong("retention_days", "Write a number of days.");
    return { max_sessions: calls === "" ? null : Number(calls), key_policy: this.#policy.value, retention_days: Number(this.#days.value), legal_hold: this.#hold.checked };
  }

  /** @param {string} name @param {string} words @returns {null} */
  #wrong(name, words) {
    this.#errors.show(name, words);
    return null;
  }

  /** What deletes something is asked about. @param {Partial<TenantRules>} changed @param {TenantRules} now @returns {Promise<boolean>} */
  async #isMeant({ retention_days: days, legal_hold: hold }, now) {
    if (hold === false && !(await confirmed("Lift the legal hold?", "What is older than the time that interviews are kept is deleted with the next daily round, and people can erase what is theirs again.", "Lift it"))) return false;
    if (days === undefined || days >= now.retention_days) return true;
    return confirmed("Keep interviews for a shorter time?", `What ended more than ${days} days ago is deleted with the next daily round, and nobody can bring it back.`, "Keep it shorter");
  }
}
