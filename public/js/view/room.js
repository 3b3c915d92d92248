// @ts-check
/**
 * @file Everything that the interview page shows while a call lasts. It follows a call's events and sends back what a
 * person presses. It keeps no truth of its own: what cannot be read from the call's events is not shown.
 */

import { floorAfter } from "../call/floor.js";
import { Seen } from "../call/seen.js";
import { find, say } from "../dom.js";
import { explainCode } from "../explain.js";
import { Awake } from "../media/awake.js";
import { Level } from "../media/level.js";
import { Captions } from "./captions.js";
import { Controls } from "./controls.js";
import { Lines } from "./lines.js";
import { Meter } from "./meter.js";
import { Notice } from "./notice.js";
import { Stages } from "./stages.js";
import { Voices } from "./voices.js";

/** @typedef {"connecting" | "listening" | "interviewer" | "you" | "reconnecting" | "ended" | "failed"} Phase */

/** @type {Record<Phase, [string, string]>} */
const WORDS = {
  connecting: ["Connecting", "Opening the line."],
  listening: ["Listening", "Your turn. Speak when you are ready."],
  interviewer: ["Interviewer speaking", "You may interrupt."],
  you: ["You are speaking", "The interviewer listens."],
  reconnecting: ["Reconnecting", "Please stay. The call is being picked up again."],
  ended: ["Ended", ""],
  failed: ["Not connected", ""],
};

export class Room {
  #body = document.body;
  #state = find("state", HTMLElement);
  #detail = find("detail", HTMLElement);
  #banner = new Notice(find("banner", HTMLElement));
  #saveBanner = new Notice(find("save-banner", HTMLElement));
  #lines = new Lines();
  #captions = new Captions(find("captions", HTMLElement), find("captions-live", HTMLElement));
  #stages;
  #meter = new Meter(find("meter", HTMLElement), find("hearing", HTMLElement));
  #controls = new Controls();
  #awake = new Awake();
  #seen = new Seen();
  /** @type {Level | null} */
  #yourLevel = null;
  /** @type {Level | null} */
  #theirLevel = null;
  #voices = new Voices(
    find("voices", HTMLCanvasElement),
    () => this.#theirLevel?.read() ?? 0,
    () => (this.#controls.muted ? 0 : (this.#yourLevel?.read() ?? 0)),
  );
  /** @type {import("../call/floor.js").Floor} */
  #floor = "quiet";
  #wasConnected = false;
  #connected = false;
  #hasMicrophone = false;
  #ending = false;
  #over = false;
  /** The newest stage change that is shown. */
  #stageN = 0;
  /** @type {import("../call/socket.js").SocketState} */
  #socket = "connecting";

  /** @param {() => number} serverNow Unix milliseconds by the server's clock */
  constructor(serverNow) {
    this.#stages = new Stages(find("stages", HTMLElement), find("stage-line", HTMLElement), serverNow);
  }

  /** @param {import("../types.js").Stage[]} stages @param {string | null | undefined} current */
  setPlan(stages, current) {
    this.#stages.setPlan(stages, current);
  }

  /** @param {Call} call */
  follow(call) {
    this.#banner.clear();
    this.#show("connecting");
    this.#controls.attach(call, () => this.#stages.next);
    call.on("microphone", (stream) => this.#microphone(stream));
    call.on("microphoneGone", ({ code }) => this.#microphoneGone(call, code));
    call.on("sound", (stream) => {
      this.#theirLevel?.close();
      this.#theirLevel = new Level(stream);
    });
    call.on("socket", ({ state }) => this.#line(state));
    call.on("states", (states) => this.#peer(states));
    call.on("event", (event) => {
      this.#floor = floorAfter(this.#floor, event);
      this.#heard(event);
    });
    // Last words on a connection that is left: they are captions, but nobody's turn any more.
    call.on("aside", (event) => this.#heard(event));
    call.on("renewal", (news) => this.#renewal(news));
    call.on("message", (message) => this.#told(message));
    call.on("playBlocked", () => this.#playBlocked(call));
    call.on("failure", ({ code, retry }) => this.#failed(call, code, retry));
  }

  /** @param {string} title @param {string} help @param {(() => void) | undefined} again @param {string} [label] */
  fail(title, help, again, label = "Try again") {
    this.#show("failed");
    say(this.#detail, "");
    this.#banner.show("fault", title, help, again && { label, act: again });
  }

  /** Something that was asked for did not happen; the call goes on. @param {string} title @param {string} help */
  complain(title, help) {
    this.#banner.show("fault", title, help);
  }

  /** Nothing of what was said stays on the page. */
  forget() {
    this.#captions.showRecord([], () => "");
    find("stages", HTMLElement).closest("section")?.remove();
  }

  /** The session is over; its record follows. */
  end() {
    this.#over = true;
    this.#voices.stop();
    this.#meter.stop();
    this.#yourLevel?.close();
    this.#theirLevel?.close();
    this.#stages.stop();
    this.#banner.clear();
    this.#saves();
    this.#lines.end();
    // What follows has a heading of its own.
    find("heading", HTMLElement).hidden = true;
    this.#controls.detach();
    void this.#awake.release();
    this.#show("ended");
  }

  /** The interview so far, to somebody who comes back to it. @param {import("../types.js").Transcript} record */
  recall(record) {
    this.#captions.showRecord(record.turns, (stage) => this.#stages.labelOf(stage));
  }

  /** @param {import("../types.js").Transcript} record */
  showRecord(record) {
    this.#captions.showRecord(record.turns, (stage) => this.#stages.labelOf(stage));
    this.#stages.conclude(record.meta);
    // Who recorded is a fact of the record: whoever opens it later had no line to hear it on.
    const sources = new Set(record.turns.map(({ source }) => source));
    this.#lines.recorded(sources.has("client") ? "relay" : sources.has("sideband") ? "sideband" : "pending");
  }

  /** @param {MediaStream} stream */
  #microphone(stream) {
    this.#hasMicrophone = true;
    this.#banner.clear("wait");
    this.#yourLevel?.close();
    this.#yourLevel = new Level(stream);
    this.#meter.start(
      () => this.#yourLevel?.read() ?? null,
      () => this.#controls.muted,
    );
    this.#controls.hear(stream);
    this.#voices.start();
    void this.#awake.hold();
    if (!this.#wasConnected) say(this.#detail, "Calling the interviewer.");
  }

  /** @param {Call} call @param {string} code */
  #microphoneGone(call, code) {
    const { help } = explainCode(code);
    this.#banner.show("wait", "The microphone is gone", `The interview goes on, but nobody hears you. ${help}`, {
      label: "Use the microphone",
      act: () => void call.reopenMicrophone(),
    });
  }

  /** @param {import("../call/legs.js").RenewalNews} news */
  #renewal(news) {
    this.#lines.renewal(news);
    // What the old connection had begun to say it will not finish.
    if (news.reason === "lost") this.#floor = "quiet";
    this.#refresh();
  }

  /** @param {import("../call/socket.js").SocketState} state */
  #line(state) {
    this.#socket = state;
    this.#body.dataset.socket = state;
    if (state === "retrying") {
      this.#lines.unknown();
      const help = this.#connected ? "The interview goes on; captions will follow." : "Please stay on this page.";
      this.#banner.show("wait", "Reconnecting to the server", help);
    }
    if (state === "ready") {
      this.#banner.clear("wait");
      if (!this.#hasMicrophone) say(this.#detail, "Allow the microphone to go on.");
    }
    this.#refresh();
  }

  /** @param {import("../call/rtc.js").PeerStates} states */
  #peer({ connection, channel }) {
    this.#body.dataset.peer = connection;
    this.#connected = connection === "connected" && channel === "open";
    if (this.#connected) {
      this.#wasConnected = true;
      this.#banner.clear("fault");
      this.#controls.enable();
    }
    this.#refresh();
  }

  /** @param {import("../types.js").ModelEvent} event */
  #heard(event) {
    const turn = this.#seen.observe(event);
    if (turn) {
      this.#captions.place(turn.itemId, turn.speaker);
      if (turn.interrupted) this.#captions.markInterrupted(turn.itemId);
      // While the server cannot be heard, the page captions from what it hears itself.
      if (this.#socket !== "ready") this.#captions.put(turn);
    }
    this.#refresh();
  }

  /** @param {import("../types.js").Message} message @param {"now" | "before"} [when] */
  #told(message, when = "now") {
    switch (message.type) {
      case "session":
        this.#stages.setPlan(message.stages ?? [], message.stage, message.startedAt);
        this.#lines.told(message);
        this.#controls.showNext();
        break;
      case "missed":
        for (const missed of message.messages ?? []) this.#told(missed, "before");
        break;
      case "control":
        this.#lines.told(message);
        break;
      case "agent_caption":
        this.#captions.put({ ...caption(message), speaker: "ai" }, when);
        break;
      case "user_caption":
        this.#captions.put({ ...caption(message), speaker: "candidate" }, when);
        break;
      case "stage_change":
        this.#stageChange(message, when);
        break;
      case "session_warning":
        if (message.code === "TIME_LOW") this.#banner.show("note", "Little time is left", `The interview ends in about ${message.secondsLeft} seconds.`);
        if (message.code === "BUDGET_LOW") this.#banner.show("note", "Little is left of the budget", "When it is used up the interview may end early. What was said is saved.");
        break;
      case "save_error":
        this.#lines.notSaving();
        this.#saveBanner.show("fault", "The record is not being saved", message.retrying ? "The server keeps trying. The interview goes on." : message.message);
        break;
      case "saved":
      case "interview_saved":
        this.#saves();
        break;
      case "interview_ending":
        this.#ending = true;
        say(this.#detail, message.message || "The interview is ending.");
        this.#controls.detach();
        break;
      case "session_ended":
        this.#ending = true;
        this.#connected = false;
        this.#show("ended");
        this.#banner.show("wait", "The interview is over", "Writing the last words to the record.");
        break;
      case "error":
        if (message.code === "SKIP_NOT_ALLOWED") this.#banner.show("note", explainCode(message.code).title, explainCode(message.code).help);
        break;
    }
  }

  /** @param {import("../types.js").Message} message @param {"now" | "before"} when */
  #stageChange(message, when) {
    const label = this.#stages.labelOf(message.stage);
    // Told again after a loss, it has happened already.
    if (message.n !== undefined && message.n <= this.#stageN) return;
    this.#stageN = message.n ?? this.#stageN;
    if (when === "now") this.#stages.change(message);
    else this.#stages.recall(message);
    this.#captions.stage(message.stage, label, when === "before" ? message.n : undefined);
    say(find("stage-live", HTMLElement), `New stage: ${label}`);
    this.#controls.showNext();
  }

  /** The record is written again. */
  #saves() {
    this.#saveBanner.clear();
    this.#lines.saves();
  }

  /** @param {Call} call */
  #playBlocked(call) {
    const { title, help } = explainCode("play_blocked");
    const unblock = () => void call.unblock().then(() => this.#banner.clear());
    this.#banner.show("wait", title, help, { label: call.joins === "again" ? GO_ON : "Let me hear", act: unblock });
  }

  /** @param {Call} call @param {string} code @param {boolean} retry */
  #failed(call, code, retry) {
    const { title, help } = explainCode(code);
    const again = () => {
      this.#banner.clear();
      this.#wasConnected = false;
      this.#show("connecting");
      void call.retry();
    };
    this.fail(title, help, retry ? again : undefined, call.joins === "again" ? GO_ON : undefined);
  }

  #refresh() {
    if (this.#over || this.#ending || this.#body.dataset.phase === "failed" && !this.#connected) return;
    if (this.#connected) return this.#show(PHASES[this.#floor], this.#floor === "thinking" ? "The interviewer is thinking." : undefined);
    this.#show(this.#wasConnected ? "reconnecting" : "connecting", this.#wasConnected ? undefined : this.#detail.textContent ?? undefined);
  }

  /** @param {Phase} phase @param {string} [detail] */
  #show(phase, detail) {
    const [word, usual] = WORDS[phase];
    this.#body.dataset.phase = phase;
    say(this.#state, word);
    say(this.#detail, detail ?? usual);
  }
}

/** @typedef {import("../call/call.js").Call} Call */

/** To somebody who comes back to an interview that is under way. */
const GO_ON = "Go on with the interview";

/** @type {Record<import("../call/floor.js").Floor, Phase>} */
const PHASES = { quiet: "listening", thinking: "listening", interviewer: "interviewer", you: "you" };

/** @param {import("../types.js").Message} message */
function caption({ itemId, text, final, n }) {
  return { itemId: String(itemId), text: String(text ?? ""), final: Boolean(final), n: Number.isSafeInteger(n) ? n : undefined };
}
