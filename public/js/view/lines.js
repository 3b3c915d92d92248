// @ts-check
/**
 * @file Three quiet lines of words: who records, how the server hears the interviewer, and whether the connection is
 * being renewed. Each has its place from the beginning, so that no news moves anything.
 */

import { find, say } from "../dom.js";

/** @type {Record<string, string>} */
const CONTROL = {
  pending: "Not recorded yet",
  sideband: "Recorded by the server",
  relay: "Recorded by way of this page",
};

/** The server's own line to the call, by its named state; short enough for one line of a small phone. @type {Record<string, string>} */
const SIDEBAND = {
  attaching: "The server is joining the call",
  attached: "The server hears the call itself",
  retrying: "The server is calling in again",
  lost: "The server has no line for now",
  unavailable: "The server has no line here",
};

/** What can be concluded where only `control` is told. @type {Record<string, string>} */
const IMPLIED = { pending: "attaching", sideband: "attached" };

/** How long good news stays. */
const RENEWED_FOR_MS = 6_000;

export class Lines {
  #body = document.body;
  #control = find("control", HTMLElement);
  #sideband = find("sideband", HTMLElement);
  #renewal = find("renewal", HTMLElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {import("../types.js").Message} message `session` or `control` */
  told({ control, sideband }) {
    if (control) this.recorded(control);
    this.#heard(sideband ?? IMPLIED[control] ?? this.#body.dataset.sideband);
  }

  /** @param {string} control */
  recorded(control) {
    this.#body.dataset.control = control;
    if (this.#body.dataset.saving !== "no") say(this.#control, CONTROL[control] ?? CONTROL.pending);
  }

  /** Whether it still records is not known from here; the next `session` message tells. */
  unknown() {
    say(this.#control, "Waiting for the server");
  }

  notSaving() {
    this.#body.dataset.saving = "no";
    say(this.#control, "Not being saved just now");
  }

  /** The record is written again. */
  saves() {
    if (this.#body.dataset.saving !== "no") return;
    delete this.#body.dataset.saving;
    this.recorded(this.#body.dataset.control ?? "pending");
  }

  /** @param {import("../call/legs.js").RenewalNews} news */
  renewal({ state }) {
    clearTimeout(this.#timer);
    this.#body.dataset.renewal = state;
    say(this.#renewal, state === "renewing" ? "Renewing the connection…" : state === "renewed" ? "The connection is renewed." : "");
    if (state === "renewed") this.#timer = setTimeout(() => say(this.#renewal, ""), RENEWED_FOR_MS);
  }

  /** The call is over: only who recorded it is still of interest. */
  end() {
    clearTimeout(this.#timer);
    say(this.#sideband, "");
    say(this.#renewal, "");
    delete this.#body.dataset.renewal;
  }

  /** @param {string | undefined} state */
  #heard(state) {
    if (state === undefined || !(state in SIDEBAND)) return;
    this.#body.dataset.sideband = state;
    say(this.#sideband, SIDEBAND[state]);
  }
}
