// @ts-check
/** @file The instruments of the test page in one place: steps, waterfall, states, charts, SDP, transcript, log, report. */

import { find, say } from "../dom.js";
import { millis, percent } from "../format.js";
import { Chart } from "./chart.js";
import { Log } from "./log.js";
import { Notice } from "./notice.js";
import { Steps } from "./steps.js";
import { showComparison, showSeen } from "./turns.js";
import { drawWaterfall } from "./waterfall.js";

const GOOD = new Set(["connected", "completed", "open", "ready", "sideband", "attached"]);
// `closed` is not bad: every good run ends so.
const BAD = new Set(["failed", "disconnected"]);

export class Bench {
  steps = new Steps(find("steps", HTMLElement));
  log = new Log(find("log", HTMLElement), find("log-count", HTMLElement));
  #charts = {
    rtt: new Chart(find("chart-rtt", HTMLElement), { title: "Round trip", format: millis, floor: 5 }),
    jitter: new Chart(find("chart-jitter", HTMLElement), { title: "Jitter", format: millis, floor: 5 }),
    loss: new Chart(find("chart-loss", HTMLElement), { title: "Loss", format: percent, floor: 1 }),
  };
  #turns = find("turns", HTMLElement);
  #notice = new Notice(find("notice", HTMLElement));

  constructor() {
    this.drawWaterfall();
    find("filter", HTMLInputElement).addEventListener("input", ({ target }) => this.log.filter(/** @type {HTMLInputElement} */ (target).value));
    for (const box of document.querySelectorAll("input[data-channel]")) {
      if (!(box instanceof HTMLInputElement)) continue;
      const channel = /** @type {import("./log.js").Channel} */ (box.dataset.channel);
      box.addEventListener("change", () => (box.checked ? this.log.show(channel) : this.log.hide(channel)));
    }
    for (const button of document.querySelectorAll("button[data-copies]")) {
      if (!(button instanceof HTMLButtonElement)) continue;
      button.addEventListener("click", () => void copyText(button, find(button.dataset.copies ?? "", HTMLElement).textContent ?? ""));
    }
  }

  begin() {
    document.body.dataset.run = "running";
    this.steps.reset();
    this.log.clear();
    this.#notice.clear();
    for (const chart of Object.values(this.#charts)) chart.clear();
    for (const kind of /** @type {const} */ (["offer", "answer"])) this.sdp(kind, "");
    for (const value of document.querySelectorAll("#states dd")) say(value, "–");
    for (const fact of document.querySelectorAll("#states [data-state]")) fact.removeAttribute("data-state");
    this.turns([]);
    say(find("comparison", HTMLElement), "seen here; compared with the record at the end");
    say(find("verdict", HTMLElement), "running");
    say(find("total", HTMLElement), "");
    this.drawWaterfall();
    this.#enable(["copy", "download"]);
  }

  /** The call is under way: it can be steered. */
  live() {
    this.#enable(["skip", "end"]);
  }

  /** @param {"pass" | "fail"} result */
  finish(result) {
    document.body.dataset.run = result;
    say(find("verdict", HTMLElement), result === "pass" ? "all passed" : "not all passed");
    for (const id of ["skip", "end"]) find(id, HTMLButtonElement).disabled = true;
  }

  /** @param {string} name @param {unknown} data */
  note(name, data) {
    this.log.add({ atMs: performance.now() - this.steps.clickedAt, channel: "page", way: "", name, data });
  }

  /** @param {string} title @param {string} help */
  warn(title, help) {
    this.#notice.show("fault", title, help);
  }

  clearWarning() {
    this.#notice.clear("fault");
  }

  /** @param {string} fact @param {string} value */
  fact(fact, value) {
    const row = /** @type {HTMLElement | null} */ (document.querySelector(`#states [data-fact="${fact}"]`));
    const shown = row?.querySelector("dd");
    if (!row || !shown) return;
    say(shown, value);
    row.dataset.value = value;
    if (GOOD.has(value)) row.dataset.state = "good";
    else if (BAD.has(value)) row.dataset.state = "bad";
    else delete row.dataset.state;
  }

  /** @param {import("../types.js").StatsSample} sample */
  sample({ rttMs, jitterMs, lossPct, energy, received, pair }) {
    this.#charts.rtt.add(rttMs);
    this.#charts.jitter.add(jitterMs);
    this.#charts.loss.add(lossPct);
    this.fact("energy", energy.toFixed(4));
    this.fact("packets", String(received));
    this.fact("local", pair?.local ?? "–");
    this.fact("remote", pair ? `${pair.remote} ${pair.protocol}` : "–");
  }

  /** @param {"offer" | "answer"} kind @param {string} sdp */
  sdp(kind, sdp) {
    say(find(kind, HTMLElement), sdp);
  }

  /** @param {import("../types.js").SeenTurn[]} turns */
  turns(turns) {
    showSeen(this.#turns, turns);
  }

  /** @param {import("../call/compare.js").Row[]} rows @param {boolean} agrees */
  comparison(rows, agrees) {
    showComparison(this.#turns, rows);
    const same = rows.filter(({ verdict }) => verdict === "same").length;
    const line = find("comparison", HTMLElement);
    line.dataset.agrees = agrees ? "yes" : "no";
    say(line, `${same} of ${rows.length} turns are the same in the record`);
  }

  drawWaterfall() {
    const total = drawWaterfall(find("waterfall", HTMLElement), this.steps.all);
    if (total !== null) say(find("total", HTMLElement), millis(total));
  }

  /** @param {object} report */
  async copy(report) {
    await copyText(find("copy", HTMLButtonElement), JSON.stringify(report, null, 2));
  }

  /** @param {{started_at: string}} report */
  download(report) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 2)], { type: "application/json" }));
    link.download = `viva-run-${report.started_at.replace(/[:.]/g, "-")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  /** @param {string[]} ids */
  #enable(ids) {
    for (const id of ids) find(id, HTMLButtonElement).disabled = false;
  }
}

/** @param {HTMLButtonElement} button says whether it worked @param {string} text */
async function copyText(button, text) {
  const label = button.dataset.label ?? button.textContent ?? "";
  button.dataset.label = label;
  const done = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Not allowed");
  say(button, done);
  setTimeout(() => say(button, label), 1_500);
}
