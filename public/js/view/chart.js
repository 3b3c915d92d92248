// @ts-check
/** @file A small live line chart as SVG, so that the style sheet colours it. Gaps stay gaps: unknown is not zero. */

import { make, makeSvg, say } from "../dom.js";

const POINTS = 90;
const WIDTH = 300;
const HEIGHT = 96;

export class Chart {
  #line = makeSvg("path", { class: "line" });
  #area = makeSvg("path", { class: "area" });
  #dot = makeSvg("path", { class: "dot", visibility: "hidden" });
  #top = make("span", { class: "top" });
  #now = make("output", { class: "now" }, "–");
  #svg = makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  #figure;
  #format;
  #title;
  #floor;
  /** @type {(number | null)[]} */
  #values = [];
  #seen = 0;

  /**
   * @param {HTMLElement} figure filled by the chart; counts its points in `data-points`
   * @param {{title: string, format: (value: number | null) => string, floor: number}} options
   *   `floor`: the scale never ends below this, so that noise near zero looks like what it is
   */
  constructor(figure, { title, format, floor }) {
    this.#figure = figure;
    this.#format = format;
    this.#title = title;
    this.#floor = floor;
    for (const share of [0.25, 0.5, 0.75]) {
      this.#svg.append(makeSvg("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT * share, y2: HEIGHT * share }));
    }
    this.#svg.append(this.#area, this.#line, this.#dot);
    figure.append(make("figcaption", {}, title, this.#now), make("div", { class: "plot" }, this.#svg, this.#top));
    this.#draw();
  }

  /** @param {number | null} value */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > POINTS) this.#values.shift();
    if (value !== null) this.#seen += 1;
    this.#figure.dataset.points = String(this.#seen);
    this.#draw();
  }

  clear() {
    this.#values.length = 0;
    this.#seen = 0;
    this.#figure.dataset.points = "0";
    this.#draw();
  }

  #draw() {
    const known = this.#values.filter((value) => value !== null);
    const top = nice(Math.max(this.#floor, ...known));
    const at = (/** @type {number} */ index) => WIDTH - (this.#values.length - 1 - index) * (WIDTH / (POINTS - 1));
    const up = (/** @type {number} */ value) => HEIGHT - 2 - (value / top) * (HEIGHT - 8);
    let line = "";
    let area = "";
    /** @type {string | null} */
    let from = null;
    this.#values.forEach((value, index) => {
      if (value === null) return void (from = null);
      const point = `${at(index).toFixed(1)} ${up(value).toFixed(1)}`;
      line += `${from === null ? "M" : "L"}${point}`;
      if (from !== null) area += `M${from}L${point}V${HEIGHT}H${at(index - 1).toFixed(1)}Z`;
      from = point;
    });
    this.#line.setAttribute("d", line);
    this.#area.setAttribute("d", area);
    const last = this.#values.at(-1) ?? null;
    this.#dot.setAttribute("visibility", last === null ? "hidden" : "visible");
    if (last !== null) {
      // A line without length and with round ends: a circle would be stretched with the plot.
      this.#dot.setAttribute("d", `M${WIDTH} ${up(last).toFixed(1)}h0`);
    }
    say(this.#now, this.#format(last));
    say(this.#top, this.#format(top));
    this.#svg.setAttribute("aria-label", `${this.#title}, now ${this.#format(last)}, scale to ${this.#format(top)}`);
  }
}

/** The next of 1, 2, 5 × 10ⁿ. @param {number} value */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999) ?? 10;
  return step * power;
}
