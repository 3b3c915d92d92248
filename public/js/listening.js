// @ts-check
/**
 * @file A live transcript or translation: from the form over the call to the record. What the model hears and what is
 * asked for differs between the two pages; the rest is one course.
 */

import { Api, transcriptPath } from "./api.js";
import { Call } from "./call/call.js";
import { LISTENING_NOTICE, listeningLines } from "./consent.js";
import { find, say } from "./dom.js";
import { explain, explainCode } from "./explain.js";
import { Level } from "./media/level.js";
import { mute, unmute } from "./media/microphone.js";
import { signInFirst } from "./sign-in-first.js";
import { Captions } from "./view/captions.js";
import { Consent } from "./view/consent.js";
import { FieldErrors, fieldOf } from "./view/field-errors.js";
import { judge } from "./view/health.js";
import { Meter } from "./view/meter.js";
import { Notice } from "./view/notice.js";

/** After the last sound of a file the last words are still on their way. */
const LAST_WORDS_MS = 4_000;

/** @typedef {import("./call/legs.js").Heard & {play?: () => Promise<void>}} Source */

/**
 * @typedef {object} Course
 * @property {"transcription" | "translation"} kind
 * @property {import("./view/captions.js").Names} names
 * @property {string} hearing what is said of it while it runs
 * @property {() => Source | undefined} source what the model hears; undefined: the microphone
 * @property {(fields: FormData) => import("./types.js").Wishes} wishes
 * @property {() => {field: string, words: string} | null} fault what is missing before anything is sent
 */

/** @type {Record<string, string>} */
const CONTROL = { pending: "Not recorded yet", sideband: "Recorded by the server", relay: "Recorded by way of this page" };

/** @type {Record<string, string>} */
const ENDINGS = {
  user_end: "You stopped it.",
  user_disconnect: "The line was closed for more than a minute, so it ended.",
  time_limit: "The longest time of a session was over.",
  inactivity: "Nothing was said for a long while, so it ended.",
  budget: "The budget was used up, so it ended.",
  upstream_error: "The model’s line broke, so it ended.",
  no_show: "It never began.",
};

export class Listening {
  #course;
  #api = new Api();
  #form = find("listen", HTMLFormElement);
  #begin = find("begin", HTMLButtonElement);
  #mute = find("mute", HTMLButtonElement);
  #end = find("end", HTMLButtonElement);
  #state = find("state", HTMLElement);
  #notice = new Notice(find("notice", HTMLElement));
  #errors = new FieldErrors(this.#form);
  #consent = new Consent(listeningLines, LISTENING_NOTICE);
  #meter = new Meter(find("meter", HTMLElement), find("level", HTMLElement));
  #captions;
  /** @type {Level | null} */
  #level = null;
  /** @type {Call | null} */
  #call = null;
  #sessionId = "";
  #isPlaying = false;
  #isShown = false;

  /** @param {Course} course */
  constructor(course) {
    this.#course = course;
    this.#captions = new Captions(find("captions", HTMLElement), find("captions-live", HTMLElement), course.names);
    this.#form.addEventListener("submit", (event) => void this.#submit(event));
    this.#end.addEventListener("click", () => void this.#stop());
    addEventListener("pageshow", () => (this.#begin.disabled = false));
    void this.#showProvider();
    const again = new URLSearchParams(location.search).get("session");
    if (again) void this.#return(again);
  }

  async #showProvider() {
    const health = await this.#api.health().catch(() => null);
    this.#consent.showProvider(judge(health).provider);
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    this.#notice.clear();
    this.#errors.clear();
    const fault = this.#course.fault();
    if (fault) return void this.#errors.show(fault.field, fault.words);
    const agreement = await this.#consent.given();
    if (!agreement) return;
    this.#begin.disabled = true;
    try {
      await this.#api.signIn();
      const wishes = { ...this.#course.wishes(new FormData(this.#form)), kind: this.#course.kind };
      // Opened within the click that asked for it: browsers make no sound otherwise.
      const source = this.#course.source();
      await source?.open();
      const { session } = await this.#api.createSession(wishes, agreement);
      history.replaceState(null, "", `${location.pathname}?session=${encodeURIComponent(session.id)}`);
      this.#listen(session.id, "first", source);
    } catch (error) {
      this.#begin.disabled = false;
      this.#refused(error);
    }
  }

  /** Beside the field that it names, else in the banner. @param {unknown} error */
  #refused(error) {
    if (signInFirst(error)) return;
    const field = fieldOf(error);
    const words = /** @type {Error} */ (error).message?.replace(/^`[a-z_]+`/, "This");
    if (field && this.#errors.show(field, words)) return;
    const { title, help } = explain(error);
    this.#notice.show("fault", title, help);
  }

  /** The page was loaded again: what was said is shown, and a call that is on goes on by the microphone. @param {string} id */
  async #return(id) {
    try {
      const session = await this.#api.session(id);
      if (session.kind !== this.#course.kind) return;
      this.#sessionId = id;
      if (session.ended_at) return void (await this.#showSaved());
      this.#recall(await this.#api.transcript(id));
      this.#listen(id, session.started_at ? "again" : "first", undefined);
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {string} sessionId @param {"first" | "again"} joins @param {Source | undefined} source */
  #listen(sessionId, joins, source) {
    this.#sessionId = sessionId;
    const call = new Call({ api: this.#api, origin: location.origin, sink: find("voice", HTMLAudioElement), sessionId, joins, microphone: source });
    this.#call = call;
    find("hearing", HTMLElement).hidden = false;
    this.#show("connecting", "Connecting");
    this.#state.focus();
    call.on("microphone", (stream) => this.#hears(stream));
    call.on("microphoneGone", ({ code }) => this.#notice.show("wait", explainCode(code).title, explainCode(code).help, { label: "Use the microphone", act: () => void call.reopenMicrophone() }));
    call.on("states", ({ connection, channel }) => {
      if (connection !== "connected" || channel !== "open") return;
      this.#show("listening", this.#course.hearing);
      this.#notice.clear("fault");
      void this.#play(source);
    });
    call.on("socket", ({ state }) => {
      if (state === "retrying") this.#notice.show("wait", "Reconnecting to the server", "Words will follow.");
      if (state === "ready") this.#notice.clear("wait");
    });
    call.on("message", (message) => this.#told(message));
    call.on("playBlocked", () => this.#notice.show("wait", explainCode("play_blocked").title, explainCode("play_blocked").help, { label: "Let me hear", act: () => void call.unblock().then(() => this.#notice.clear()) }));
    call.on("failure", ({ code, retry }) => this.#failed(call, code, retry));
    call.on("over", () => void this.#showSaved());
    source?.on("over", () => {
      say(this.#state, "The file is over");
      setTimeout(() => void this.#stop(), LAST_WORDS_MS);
    });
    void call.start();
    // A source that was opened before the call existed has told nobody of its stream.
    if (source?.stream) this.#hears(source.stream);
  }

  /** The file begins when somebody listens, and only once. @param {Source | undefined} source */
  async #play(source) {
    if (!source?.play || this.#isPlaying) return;
    this.#isPlaying = true;
    await source.play().catch(() => {
      const { title, help } = explainCode("play_blocked");
      this.#isPlaying = false;
      this.#notice.show("wait", title, help, { label: "Play the file", act: () => void this.#play(source).then(() => this.#notice.clear("wait")) });
    });
  }

  /** @param {MediaStream} stream */
  #hears(stream) {
    this.#level?.close();
    const level = new Level(stream);
    this.#level = level;
    const isMuted = () => this.#mute.getAttribute("aria-pressed") === "true";
    this.#meter.start(
      () => level.read(),
      isMuted,
    );
    this.#mute.disabled = false;
    this.#mute.onclick = () => {
      const muted = !isMuted();
      (muted ? mute : unmute)(stream);
      this.#mute.setAttribute("aria-pressed", String(muted));
      say(this.#mute, muted ? "Muted" : "Mute");
    };
    if (isMuted()) mute(stream);
  }

  /** @param {import("./types.js").Message} message @param {"now" | "before"} [when] */
  #told(message, when = "now") {
    switch (message.type) {
      case "session":
      case "control":
        document.body.dataset.control = message.control;
        say(find("control", HTMLElement), CONTROL[message.control] ?? CONTROL.pending);
        break;
      case "missed":
        for (const missed of message.messages ?? []) this.#told(missed, "before");
        break;
      case "agent_caption":
        this.#caption("ai", message, when);
        break;
      case "user_caption":
        this.#caption("candidate", message, when);
        break;
      case "session_warning":
        if (message.code === "TIME_LOW") this.#notice.show("note", "Little time is left", `It ends in about ${message.secondsLeft} seconds.`);
        break;
      case "save_error":
        this.#notice.show("fault", "The record is not being saved", "The server keeps trying.");
        break;
      case "interview_ending":
        say(this.#state, message.message || "It is ending.");
        break;
      case "session_ended":
        this.#show("ending", "Writing the last words");
        break;
    }
  }

  /** @param {import("./types.js").Speaker} speaker @param {import("./types.js").Message} message @param {"now" | "before"} when */
  #caption(speaker, { itemId, text, final, n }, when) {
    this.#captions.put({ itemId: String(itemId), speaker, text: String(text ?? ""), final: Boolean(final), n: Number.isSafeInteger(n) ? n : undefined }, when);
  }

  /** @param {Call} call @param {string} code @param {boolean} retry */
  #failed(call, code, retry) {
    if (code === "SESSION_ENDED") return void this.#showSaved();
    const { title, help } = explainCode(code);
    this.#show("failed", "Not connected");
    this.#notice.show("fault", title, help, retry ? { label: "Try again", act: () => void call.retry() } : undefined);
  }

  async #stop() {
    if (this.#end.disabled) return;
    this.#end.disabled = true;
    await this.#call?.end();
  }

  /** Without stages: there is one, and it says nothing. @param {import("./types.js").Transcript} record */
  #recall({ turns }) {
    this.#captions.showRecord(turns.map((turn) => ({ ...turn, stage: null })), () => "");
  }

  /** The stored record, and where to get it. */
  async #showSaved() {
    if (this.#isShown) return;
    this.#isShown = true;
    this.#call?.close();
    this.#meter.stop();
    this.#level?.close();
    this.#mute.disabled = true;
    this.#end.disabled = true;
    const path = transcriptPath(this.#sessionId);
    for (const link of document.querySelectorAll("#saved [data-format]")) {
      if (link instanceof HTMLAnchorElement) link.href = `${path}?format=${link.dataset.format}`;
    }
    const box = find("saved", HTMLElement);
    try {
      const record = await this.#api.transcript(this.#sessionId);
      this.#recall(record);
      const turns = record.turns.filter(({ text }) => text.trim() !== "").length;
      say(find("saved-text", HTMLElement), `${ENDINGS[record.meta.ended_by] ?? "It is over."} The record holds ${turns} ${turns === 1 ? "turn" : "turns"}.`);
      box.dataset.state = "saved";
    } catch (error) {
      const { title, help } = explain(error);
      say(find("saved-text", HTMLElement), `The record cannot be shown right now. ${title}. ${help}`);
      box.dataset.state = "unknown";
    }
    find("hearing", HTMLElement).hidden = false;
    this.#show("ended", "Over");
    box.hidden = false;
    box.focus();
  }

  /** @param {"connecting" | "listening" | "ending" | "ended" | "failed"} phase @param {string} words */
  #show(phase, words) {
    document.body.dataset.phase = phase;
    say(this.#state, words);
  }
}
