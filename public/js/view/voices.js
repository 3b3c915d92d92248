// @ts-check
/**
 * @file Both voices on one line of time: the interviewer above it, the candidate below it.
 * Drawing only. With reduced motion nothing scrolls: two bars stand where the sound is now.
 */

/** One bar of history. */
const BAR_PX = 5;
const GAP_PX = 3;
const STEP_MS = 60;
/** Bars in motion are for pleasure; still ones are updated just often enough to be true. */
const STILL_STEP_MS = 250;
const MAX_BARS = 400;

/** @typedef {() => number} Reader a level from 0 to 1 */

export class Voices {
  #canvas;
  #interviewer;
  #you;
  /** @type {{interviewer: number, you: number}[]} newest last */
  #bars = [];
  #frame = 0;
  #last = 0;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {HTMLCanvasElement} canvas @param {Reader} interviewer @param {Reader} you */
  constructor(canvas, interviewer, you) {
    this.#canvas = canvas;
    this.#interviewer = interviewer;
    this.#you = you;
  }

  start() {
    const turn = (/** @type {number} */ now) => {
      this.#frame = requestAnimationFrame(turn);
      if (now - this.#last < (this.#still.matches ? STILL_STEP_MS : STEP_MS)) return;
      this.#last = now;
      this.#bars.push({ interviewer: this.#interviewer(), you: this.#you() });
      if (this.#bars.length > MAX_BARS) this.#bars.shift();
      this.#draw();
    };
    this.#frame = requestAnimationFrame(turn);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#bars.length = 0;
    this.#draw();
  }

  #draw() {
    const { width, height, pen } = this.#prepare();
    const style = getComputedStyle(this.#canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const middle = Math.round(height / 2);
    pen.fillStyle = colour("--line");
    pen.fillRect(0, middle, width, 1);
    const step = BAR_PX + GAP_PX;
    const count = this.#still.matches ? 1 : Math.ceil(width / step);
    const bars = this.#bars.slice(-count);
    bars.forEach((bar, index) => {
      const x = this.#still.matches ? 0 : width - (bars.length - index) * step;
      const wide = this.#still.matches ? width : BAR_PX;
      // The past fades, so that the eye rests on now.
      pen.globalAlpha = this.#still.matches ? 1 : 0.25 + 0.75 * ((index + 1) / bars.length);
      pen.fillStyle = colour("--interviewer");
      bar1(pen, x, middle - 3 - bar.interviewer * (middle - 6), wide, bar.interviewer * (middle - 6));
      pen.fillStyle = colour("--you");
      bar1(pen, x, middle + 4, wide, bar.you * (middle - 6));
    });
    pen.globalAlpha = 1;
  }

  /** Sharp on any screen: as many pixels as the screen has. */
  #prepare() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio || 1;
    if (this.#canvas.width !== Math.round(width * ratio) || this.#canvas.height !== Math.round(height * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    const pen = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return { width, height, pen };
  }
}

/** A rounded bar; silence is a dot, so that the line shows that time goes on. @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} width @param {number} height */
function bar1(pen, x, y, width, height) {
  const tall = Math.max(2, height);
  pen.beginPath();
  pen.roundRect(x, height < 2 ? y - (2 - height) / 2 : y, width, tall, Math.min(width, tall) / 2);
  pen.fill();
}
