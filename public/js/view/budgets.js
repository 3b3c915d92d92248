// @ts-check
/** @file What may be spent, where that stands, and for admins: setting it. */

import { find, make, say } from "../dom.js";
import { amount, budgetName, dollars, standingOf } from "../money.js";
import { refusalOf } from "../role-words.js";
import { confirmed } from "./confirm.js";
import { FieldErrors, fieldOf } from "./field-errors.js";

/** @typedef {import("../types.js").Budget} Budget */

export class Budgets {
  #api;
  #list = find("budgets", HTMLElement);
  #form = find("budget", HTMLFormElement);
  #scope = find("budget-scope", HTMLSelectElement);
  #period = find("budget-period", HTMLSelectElement);
  #limit = find("budget-limit", HTMLInputElement);
  #hard = find("budget-hard", HTMLInputElement);
  #told = find("budget-told", HTMLElement);
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector("button[type=submit]"));
  #errors = new FieldErrors(this.#form);
  #maySet = false;

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

  /** @param {boolean} maySet whether the reader may change them */
  async show(maySet) {
    this.#maySet = maySet;
    const budgets = await this.#api.budgets();
    this.#list.replaceChildren(...budgets.map((budget) => this.#card(budget)));
    find("no-budgets", HTMLElement).hidden = budgets.length > 0;
    this.#form.hidden = !maySet;
    find("spending", HTMLElement).hidden = false;
  }

  /** @param {Budget} budget @returns {HTMLElement} */
  #card(budget) {
    const { word, mood, means } = standingOf(budget);
    const name = budgetName(budget);
    const meter = make("meter", { min: "0", max: String(budget.limit_usd || 1), low: String(budget.limit_usd * 0.8), high: String(budget.limit_usd), optimum: "0", value: String(Math.min(budget.spent_usd, budget.limit_usd)), "aria-label": `Spent: ${name}` });
    const remove = make("button", { type: "button" }, "Remove it");
    remove.setAttribute("aria-label", `Remove the budget: ${name}`);
    remove.addEventListener("click", () => void this.#remove(budget));
    return make(
      "li",
      { class: "budget sheet", "data-budget": `${budget.scope}-${budget.period}`, "data-standing": budget.standing },
      make("div", { class: "usage-head" }, make("h3", {}, name), make("span", { class: "status", "data-state": mood }, make("span", { class: "dot" }), word)),
      meter,
      make("p", {}, `${dollars(budget.spent_usd)} of ${dollars(budget.limit_usd)} spent. ${means}`),
      ...(this.#maySet ? [make("p", { class: "row" }, remove)] : []),
    );
  }

  async #save() {
    this.#errors.clear();
    const limit = amount(this.#limit.value);
    if (limit === null) return void this.#errors.show("limit_usd", "Write an amount in US dollars, such as 25 or 0.50.");
    const [scope, period, hard] = [this.#scope.value, this.#period.value, this.#hard.checked];
    try {
      await this.#api.setBudget(scope, period, { limit_usd: limit, hard });
      await this.show(true);
      say(this.#told, `Saved: ${budgetName({ scope, period })}, ${dollars(limit)}.`);
      this.#limit.value = "";
    } catch (error) {
      this.#errors.show(fieldOf(error) ?? "limit_usd", refusalOf(error).replace(/^`[a-z_]+`/, "This"));
    }
  }

  /** @param {Budget} budget */
  async #remove(budget) {
    const name = budgetName(budget);
    if (!(await confirmed("Remove this budget?", `${name}: nothing is refused or ended because of it any more.`, "Remove it"))) return;
    try {
      await this.#api.removeBudget(budget.scope, budget.period);
      await this.show(true);
      say(this.#told, `Removed: ${name}.`);
      this.#limit.focus();
    } catch (error) {
      say(this.#told, refusalOf(error));
    }
  }
}
