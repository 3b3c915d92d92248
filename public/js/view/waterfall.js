// @ts-check
/** @file Where the time from the click to the first sound went, one bar a step on one scale. */

import { make } from "../dom.js";
import { millis } from "../format.js";
import { STEPS } from "./steps.js";

/** Who is waited for in each step. @type {Record<string, "page" | "server" | "model">} */
const LANES = {
  health: "server",
  guest: "server",
  session: "server",
  microphone: "page",
  ws: "server",
  offer: "page",
  answer: "server",
  ice: "model",
  dtls: "model",
  channel: "model",
  audio: "model",
};

/** @type {Record<string, string>} */
const SHORT = {
  health: "health",
  guest: "sign-in",
  session: "session",
  microphone: "microphone",
  ws: "server line",
  offer: "offer",
  answer: "answer",
  ice: "ICE",
  dtls: "DTLS",
  channel: "channel",
  audio: "first sound",
};

/**
 * @param {HTMLElement} box
 * @param {import("./steps.js").Step[]} steps
 * @returns {number | null} milliseconds from click to first sound, null while it has not come
 */
export function drawWaterfall(box, steps) {
  const done = new Map(steps.filter(({ tookMs }) => tookMs !== null).map((step) => [step.name, step]));
  const end = (/** @type {import("./steps.js").Step} */ step) => (step.startedMs ?? 0) + (step.tookMs ?? 0);
  const shown = STEPS.map(([name]) => name).filter((name) => name in LANES);
  const whole = Math.max(1, ...shown.flatMap((name) => (done.has(name) ? [end(/** @type {any} */ (done.get(name)))] : [])));
  const rows = shown.map((name) => {
    const step = done.get(name);
    const span = make("span", { class: "span" });
    span.style.setProperty("--from", String((step?.startedMs ?? 0) / whole));
    span.style.setProperty("--size", String((step?.tookMs ?? 0) / whole));
    span.hidden = !step;
    return make(
      "div",
      { class: "bar-row", "data-lane": LANES[name], "data-bar": name },
      make("span", {}, SHORT[name]),
      make("span", { class: "track" }, span),
      make("span", { class: "took" }, step ? millis(step.tookMs) : "–"),
    );
  });
  const legend = make(
    "p",
    { class: "legend" },
    make("span", { "data-lane": "page" }, "this page"),
    make("span", { "data-lane": "server" }, "Viva"),
    make("span", { "data-lane": "model" }, "the model’s line"),
  );
  box.replaceChildren(...rows, legend);
  const sound = done.get("audio");
  return sound ? end(sound) : null;
}
