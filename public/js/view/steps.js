// @ts-check
/** @file The list of steps of a test run: each waits, runs, and then passes or fails, with its time. */

import { make, say } from "../dom.js";
import { millis } from "../format.js";

/** @typedef {"waiting" | "running" | "pass" | "fail" | "skipped"} StepState */
/** @typedef {{name: string, state: StepState, startedMs: number | null, tookMs: number | null, why: string}} Step times count from the click */

/** In the order in which a run goes through them; microphone and socket overlap. */
export const STEPS = /** @type {const} */ ([
  ["health", "Server answers"],
  ["guest", "Signed in"],
  ["session", "Session made"],
  ["microphone", "Microphone open"],
  ["ws", "Server line open"],
  ["offer", "Offer sent"],
  ["answer", "Answer received"],
  ["ice", "ICE connected"],
  ["dtls", "DTLS connected"],
  ["channel", "Data channel open"],
  ["audio", "First sound"],
  ["turn", "First turn"],
  ["saved", "Saved, and the record agrees"],
]);

/** @typedef {typeof STEPS[number][0]} StepName */

export class Steps {
  #list;
  #clickedAt = 0;
  /** @type {Map<string, Step>} */
  #steps = new Map();

  /** @param {HTMLElement} list an `<ol>` */
  constructor(list) {
    this.#list = list;
    this.reset();
  }

  /** @returns {Step[]} */
  get all() {
    return [...this.#steps.values()].map((step) => ({ ...step }));
  }

  get clickedAt() {
    return this.#clickedAt;
  }

  /** Everything passed or was not needed. */
  get passed() {
    return this.all.every(({ state }) => state === "pass" || state === "skipped");
  }

  reset() {
    this.#clickedAt = performance.now();
    this.#steps = new Map(STEPS.map(([name]) => [name, { name, state: "waiting", startedMs: null, tookMs: null, why: "" }]));
    this.#list.replaceChildren(
      ...STEPS.map(([name, label]) =>
        make(
          "li",
          { "data-step": name, "data-state": "waiting" },
          make("span", { class: "sign", "aria-hidden": "true" }),
          make("span", { class: "what" }, label, make("span", { class: "unseen" }, ", waiting")),
          make("span", { class: "time" }),
          make("span", { class: "why" }),
        ),
      ),
    );
  }

  /** @param {StepName} name */
  run(name) {
    const step = this.#step(name);
    if (step.state !== "waiting") return;
    step.state = "running";
    step.startedMs = performance.now() - this.#clickedAt;
    this.#render(step);
  }

  /** @param {StepName} name @param {number} [at] `performance.now()` of the moment, when it is not this one */
  pass(name, at = performance.now()) {
    const step = this.#step(name);
    if (step.state === "pass") return;
    step.startedMs ??= at - this.#clickedAt;
    step.tookMs = at - this.#clickedAt - step.startedMs;
    step.state = "pass";
    step.why = "";
    this.#render(step);
  }

  /** @param {StepName} name */
  skip(name) {
    const step = this.#step(name);
    step.state = "skipped";
    this.#render(step);
  }

  /** @param {StepName} name @param {string} why */
  fail(name, why) {
    const step = this.#step(name);
    step.state = "fail";
    step.why = why;
    this.#render(step);
  }

  /** What has not come is what failed: the first step that is under way, or the first that waits. @param {string} why */
  failCurrent(why) {
    const open = this.all.find(({ state }) => state === "running") ?? this.all.find(({ state }) => state === "waiting");
    if (open) this.fail(/** @type {StepName} */ (open.name), why);
  }

  /** @param {StepName} name @returns {Step} */
  #step(name) {
    const step = this.#steps.get(name);
    if (!step) throw new Error(`no step ${name}`);
    return step;
  }

  /** @param {Step} step */
  #render({ name, state, startedMs, tookMs, why }) {
    const item = /** @type {HTMLElement} */ (this.#list.querySelector(`[data-step="${name}"]`));
    item.dataset.state = state;
    if (tookMs !== null) item.dataset.ms = tookMs.toFixed(1);
    say(/** @type {Element} */ (item.querySelector(".unseen")), `, ${state}`);
    const time = tookMs === null ? "" : `at ${millis((startedMs ?? 0) + tookMs)}`;
    say(/** @type {Element} */ (item.querySelector(".time")), time);
    say(/** @type {Element} */ (item.querySelector(".why")), why);
  }
}
