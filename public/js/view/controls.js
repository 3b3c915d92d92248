// @ts-check
/** @file Mute, skip and end. Ending asks first; it cannot be taken back. */

import { find, say } from "../dom.js";
import { mute, unmute } from "../media/microphone.js";
import { confirmed, dismiss } from "./confirm.js";

export class Controls {
  #mute = find("mute", HTMLButtonElement);
  #skip = find("skip", HTMLButtonElement);
  #end = find("end", HTMLButtonElement);
  /** @type {MediaStream | null} */
  #stream = null;
  /** @type {() => import("../types.js").Stage | undefined} */
  #next = () => undefined;
  #attached = false;

  get muted() {
    return this.#mute.getAttribute("aria-pressed") === "true";
  }

  /** @param {import("../call/call.js").Call} call @param {() => import("../types.js").Stage | undefined} next */
  attach(call, next) {
    this.#attached = true;
    this.#next = next;
    this.#mute.onclick = () => this.#toggle();
    this.#skip.onclick = () => {
      const stage = this.#next();
      if (stage && call.skipTo(stage.name)) this.#skip.disabled = true;
    };
    this.#end.onclick = async () => {
      const text = "What was said so far is kept. The interview cannot be taken up again.";
      if (!(await confirmed("End the interview?", text, "End it", { keeps: "Go on" }))) return;
      this.#end.disabled = true;
      void call.end();
    };
    // Whoever waits for a line that does not come must be able to give up.
    this.#end.disabled = false;
  }

  /** @param {MediaStream} stream */
  hear(stream) {
    this.#stream = stream;
    this.#mute.disabled = false;
    if (this.muted) mute(stream);
  }

  /** The call is up. */
  enable() {
    if (!this.#attached) return;
    this.#end.disabled = false;
    this.showNext();
  }

  showNext() {
    const stage = this.#next();
    this.#skip.disabled = !this.#attached || !stage;
    say(this.#skip, stage ? "Skip stage" : "Last stage");
    if (stage) this.#skip.title = `Go on to: ${stage.label}`;
  }

  detach() {
    this.#attached = false;
    dismiss();
    for (const button of [this.#mute, this.#skip, this.#end]) button.disabled = true;
  }

  #toggle() {
    if (!this.#stream) return;
    const muted = !this.muted;
    (muted ? mute : unmute)(this.#stream);
    this.#mute.setAttribute("aria-pressed", String(muted));
    say(this.#mute, muted ? "Muted" : "Mute");
    document.body.toggleAttribute("data-muted", muted);
  }
}
