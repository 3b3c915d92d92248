// @ts-check
/** @file The plans of a server to choose one from, with the time that each takes at most. */

import { make, say } from "../dom.js";
import { explain } from "../explain.js";
import { length } from "../format.js";

export class Plans {
  #box;
  /** @type {{seconds: number, stages: number, facts: HTMLElement}[]} */
  #cards = [];
  #percent = 100;

  /** @param {HTMLElement} box busy until plans or an error are shown */
  constructor(box) {
    this.#box = box;
  }

  /** @param {import("../types.js").Plan[]} plans */
  show(plans) {
    this.#box.replaceChildren(...plans.map((plan, index) => this.#choice(plan, index)));
    this.#box.removeAttribute("aria-busy");
  }

  /** @param {unknown} error */
  fail(error) {
    const { title, help } = explain(error);
    this.#box.replaceChildren(make("p", { class: "field-error" }, `${title}. ${help}`));
    this.#box.removeAttribute("aria-busy");
  }

  /** @param {number} percent of the planned time */
  pace(percent) {
    this.#percent = percent;
    for (const { facts, stages, seconds } of this.#cards) say(facts, this.#facts(stages, seconds));
  }

  /** @param {import("../types.js").Plan} plan @param {number} index */
  #choice({ name, label, stages }, index) {
    const choice = /** @type {HTMLInputElement} */ (make("input", { type: "radio", name: "plan", value: name }));
    choice.checked = index === 0;
    const seconds = stages.reduce((sum, { limitSeconds }) => sum + limitSeconds, 0);
    const facts = make("span", { class: "aside" }, this.#facts(stages.length, seconds));
    this.#cards.push({ seconds, stages: stages.length, facts });
    return make("label", { class: "plan" }, choice, make("span", {}, make("strong", {}, label), facts));
  }

  /** @param {number} stages @param {number} seconds */
  #facts(stages, seconds) {
    return `${stages} stages, at most ${length((seconds * this.#percent) / 100)}`;
  }
}
