// @ts-check
/** @file Where the interview is: all stages, the current one, and the time that is left in it. The clock is the server's; this only counts down from its word. */

import { make, say } from "../dom.js";
import { clock } from "../format.js";

const TICK_MS = 250;
/** From here on the time left is shown as scarce. */
const SCARCE = 0.1;

export class Stages {
  #list;
  #line;
  #serverNow;
  /** @type {import("../types.js").Stage[]} */
  #stages = [];
  #current = "";
  #limitSeconds = 0;
  /** When the current stage began, on this page's clock; null while nobody said. @type {number | null} */
  #began = null;
  /** @type {Set<string>} */
  #skipped = new Set();
  /** The last stage ended by its own rules. */
  #complete = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {HTMLElement} list an `<ol>` @param {HTMLElement} line one line of words @param {() => number} serverNow Unix milliseconds by the server's clock */
  constructor(list, line, serverNow) {
    this.#list = list;
    this.#line = line;
    this.#serverNow = serverNow;
  }

  get current() {
    return this.#current;
  }

  /** The stage after the current one, which is what "skip" goes to. @returns {import("../types.js").Stage | undefined} */
  get next() {
    const at = this.#stages.findIndex(({ name }) => name === this.#current);
    return at < 0 ? undefined : this.#stages[at + 1];
  }

  /** @param {string} name @returns {string} */
  labelOf(name) {
    return this.#stages.find((stage) => stage.name === name)?.label ?? name;
  }

  /**
   * @param {import("../types.js").Stage[]} stages
   * @param {string | null | undefined} current
   * @param {string} [startedAt] when the current stage began, RFC 3339; absent before the interview began
   */
  setPlan(stages, current, startedAt) {
    if (stages.length === 0) return;
    this.#stages = stages;
    if (current && current !== this.#current) {
      this.#current = current;
      this.#began = null;
    }
    // What this page saw begin itself it knows more exactly than two clocks can tell.
    if (startedAt && this.#began === null) this.#joined(startedAt);
    this.#render();
  }

  /** @param {import("../types.js").Message} change `stage_change`, of this moment */
  change({ stage, from, reason, limitSeconds }) {
    if (reason === "skipped") this.#markSkipped(from, stage);
    this.#current = stage;
    this.#limitSeconds = Number(limitSeconds) || 0;
    this.#began = performance.now();
    this.#render();
    this.#countDown();
  }

  /** A change that this page was not there for. @param {import("../types.js").Message} change `stage_change` */
  recall({ stage, from, reason, limitSeconds, startedAt }) {
    if (reason === "skipped") this.#markSkipped(from, stage);
    const at = (/** @type {string} */ wanted) => this.#stages.findIndex(({ name }) => name === wanted);
    if (at(stage) < at(this.#current)) return this.#render();
    const passed = stage !== this.#current;
    this.#current = stage;
    // The stage's own limit may have been stretched for this candidate; the change says by how much.
    if (passed || this.#began === null) this.#joined(startedAt);
    this.#limitSeconds = Number(limitSeconds) || this.#limitSeconds;
    this.#render();
  }

  /** What the record says of an interview that is over. @param {Record<string, any>} meta */
  conclude({ final_stage, ended_by, skipped_stages }) {
    for (const name of skipped_stages ?? []) this.#skipped.add(name);
    this.#complete = ended_by === "natural_completion";
    this.stop(final_stage);
  }

  /** @param {string} [finalStage] */
  stop(finalStage) {
    clearInterval(this.#timer);
    if (finalStage) this.#current = finalStage;
    this.#began = null;
    this.#render();
    this.#list.dataset.over = "yes";
    const place = this.#current ? `Ended in: ${this.labelOf(this.#current)}` : "";
    say(this.#line, this.#complete ? "All stages are done" : place);
  }

  /** The page joined in the middle of a stage. @param {string} startedAt */
  #joined(startedAt) {
    const elapsed = this.#serverNow() - Date.parse(startedAt);
    if (Number.isNaN(elapsed)) return;
    this.#began = performance.now() - Math.max(0, elapsed);
    this.#limitSeconds = this.#stages.find(({ name }) => name === this.#current)?.limitSeconds ?? 0;
    this.#countDown();
  }

  #countDown() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** @param {string} from @param {string} to */
  #markSkipped(from, to) {
    const names = this.#stages.map(({ name }) => name);
    for (const name of names.slice(Math.max(0, names.indexOf(from)), names.indexOf(to))) this.#skipped.add(name);
  }

  #render() {
    const at = this.#stages.findIndex(({ name }) => name === this.#current);
    this.#list.replaceChildren(
      ...this.#stages.map(({ name, label }, index) => {
        const state = this.#skipped.has(name) ? "skipped" : index < at || (index === at && this.#complete) ? "done" : index === at ? "current" : "ahead";
        const item = make("li", { "data-stage": name, "data-state": state }, make("span", { class: "fill" }), make("span", { class: "label" }, label));
        if (state === "current") item.setAttribute("aria-current", "step");
        return item;
      }),
    );
    this.#tick();
  }

  #tick() {
    const at = this.#stages.findIndex(({ name }) => name === this.#current);
    if (at < 0) return;
    const place = `Stage ${at + 1} of ${this.#stages.length}: ${this.#stages[at].label}`;
    if (this.#began === null || this.#limitSeconds === 0) return say(this.#line, place);
    const elapsed = (performance.now() - this.#began) / 1_000;
    const left = this.#limitSeconds - elapsed;
    say(this.#line, `${place} · ${left > 0 ? `${clock(left)} left` : "moving on soon"}`);
    const item = /** @type {HTMLElement | undefined} */ (this.#list.children[at]);
    item?.style.setProperty("--done", String(Math.min(1, elapsed / this.#limitSeconds)));
    item?.toggleAttribute("data-scarce", left < this.#limitSeconds * SCARCE);
  }
}
