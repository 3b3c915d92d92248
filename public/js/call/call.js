// @ts-check
/**
 * @file The call of one session: microphone, ticket, socket and the connection to the model put together, and put
 * together again when one of them is lost. It shows nothing; pages listen. It decides nothing about stages, turns or
 * which connection the conversation is on; the server does.
 */

import { ApiError } from "../api.js";
import { Emitter } from "../emitter.js";
import { LastingMicrophone } from "../media/lasting.js";
import { Speaker } from "../media/speaker.js";
import { Legs } from "./legs.js";
import { patiently } from "./patiently.js";
import { Progress } from "./progress.js";
import { Relay } from "./relay.js";
import { Ring } from "./ring.js";
import { VivaSocket, socketUrl } from "./socket.js";

/** The server answers `end_session` at once; after this the HTTP door is tried. */
const END_PATIENCE_MS = 5_000;

/**
 * @typedef {"microphone" | "ticket" | "ws" | "offer" | "answer" | "ice" | "dtls" | "channel" | "audio" | "turn" | "saved"} Mark
 * @typedef {{code: string, message: string, retry: boolean}} Failure
 */

/** The first words of the model are there: all of a reply, or a fragment of speech. */
const MODEL_SPOKE = new Set(["response.output_audio_transcript.done", "session.output_transcript.delta"]);

/**
 * @extends {Emitter<{
 *   mark: {name: Mark, at: number},
 *   microphone: MediaStream,
 *   microphoneGone: {code: string},
 *   sound: MediaStream,
 *   socket: {state: import("./socket.js").SocketState, attempt: number, delayMs: number},
 *   roundTrip: {ms: number},
 *   message: import("../types.js").Message,
 *   sent: import("../types.js").Message,
 *   states: import("./rtc.js").PeerStates,
 *   event: import("../types.js").ModelEvent,
 *   aside: import("../types.js").ModelEvent,
 *   told: import("../types.js").ModelEvent,
 *   sdp: {kind: "offer" | "answer", sdp: string},
 *   sample: import("../types.js").StatsSample,
 *   renewal: import("./legs.js").RenewalNews,
 *   playBlocked: {},
 *   failure: Failure,
 *   over: {code: string},
 * }>}
 */
export class Call extends Emitter {
  #api;
  #origin;
  #speaker;
  #sessionId;
  #ticket;
  #ticketGiven;
  #joins;
  /** @type {import("./legs.js").Heard} */
  #microphone;
  /** @type {VivaSocket | null} */
  #socket = null;
  #legs;
  #relay = new Relay((message) => this.#socket?.send(message) ?? false);
  #progress = new Progress();
  #ring = new Ring();
  /** The provider's id of the newest call, sealed for the server: after a crash only this page may know it. */
  #callRef = "";
  /** @type {Set<Mark>} */
  #marked = new Set();
  #over = false;
  /** @type {Set<ReturnType<typeof setTimeout>>} everything that ticks, cleared at the end */
  #timers = new Set();
  #listening = new AbortController();

  /**
   * @param {object} options
   * @param {import("../api.js").Api} options.api
   * @param {string} options.origin where `/ws` is
   * @param {HTMLAudioElement} options.sink this call's own element
   * @param {string} [options.sessionId] absent when the ticket alone names the session
   * @param {string} [options.ticket] absent: the call mints its own
   * @param {"first" | "again"} [options.joins] `again`: the interview is under way and this page was loaded anew
   * @param {import("./legs.js").Heard} [options.microphone] what the model hears; absent: a microphone of this machine
   */
  constructor({ api, origin, sink, sessionId, ticket, joins = "first", microphone = new LastingMicrophone() }) {
    super();
    this.#api = api;
    this.#origin = origin;
    this.#speaker = new Speaker(sink);
    this.#sessionId = sessionId;
    this.#ticket = ticket;
    this.#ticketGiven = ticket !== undefined;
    this.#joins = joins;
    this.#microphone = microphone;
    this.#legs = this.#makeLegs();
    this.#microphone.on("stream", (stream) => {
      this.#mark("microphone");
      this.emit("microphone", stream);
      this.#legs.microphoneReady();
    });
    this.#microphone.on("gone", (gone) => {
      this.complain(gone.code, "the device went away");
      this.emit("microphoneGone", gone);
    });
    this.#watchForSleep();
  }

  /** @returns {string | undefined} */
  get sessionId() {
    return this.#sessionId;
  }

  get joins() {
    return this.#joins;
  }

  get relayStatus() {
    return { unacknowledged: this.#relay.unacknowledged, dropped: this.#relay.dropped };
  }

  /** Failures are emitted, not thrown. */
  async start() {
    try {
      // Whoever comes back is waited for: the line is up before the browser has asked about the microphone.
      if (this.#joins === "again") await Promise.all([this.#microphone.open(), this.#obtainTicket().then((url) => this.#connect(url))]);
      // Before the first call the server need not know of somebody who has no microphone.
      else this.#connect((await Promise.all([this.#obtainTicket(), this.#microphone.open()]))[0]);
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Tries again, because a person asked for it. On a new line with a new ticket: after a time-out the old ticket
   * may not start a second call, since nobody knows whether the first one exists.
   */
  async retry() {
    this.#legs.forgive();
    if (this.#socket?.state === "ready" && !this.#microphone.stream) return this.reopenMicrophone();
    const old = this.#socket;
    this.#socket = null;
    old?.close();
    this.#legs.leave();
    if (!this.#ticketGiven) this.#ticket = undefined;
    await this.start();
  }

  /** Asks for a microphone again, within a click. */
  async reopenMicrophone() {
    await this.#microphone.open().catch((error) => this.#fail(error));
  }

  /** @param {string} stage @returns {boolean} */
  skipTo(stage) {
    return this.#socket?.sendWhenReady({ type: "skip_stage", target_stage: stage }) ?? false;
  }

  /** Tells the server of trouble that only this page can see. @param {string} code @param {string} message */
  complain(code, message) {
    this.#socket?.send({ type: "client_error", code, message: message.slice(0, 200) });
  }

  /** Ends the interview for good; the answer comes as `session_ended`. */
  async end() {
    const asked = this.#socket?.sendWhenReady({ type: "end_session", reason: "user_end" }) ?? false;
    if (asked) await new Promise((resolve) => this.#later(() => resolve(undefined), END_PATIENCE_MS));
    if (this.#over || !this.#sessionId || this.#marked.has("saved")) return;
    await this.#api.end(this.#sessionId).catch((error) => this.#fail(error));
  }

  /** Within a click: lets the sound through. */
  async unblock() {
    await this.#speaker.unblock();
  }

  /** Lets go of everything without ending the session. */
  close() {
    if (this.#over) return;
    this.#over = true;
    this.#hangUp();
    this.#relay.close();
    this.#socket?.close();
    this.#listening.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  // --- microphone and line ---

  /** @returns {Promise<string>} the socket's address */
  async #obtainTicket() {
    let given;
    if (!this.#ticket) {
      const { ticket, ws_url } = await patiently(() => this.#api.mintTicket(this.#sessionId ?? ""));
      this.#ticket = ticket.value;
      given = ws_url;
    }
    this.#mark("ticket");
    return this.#sessionId ? socketUrl(this.#origin, this.#sessionId, given) : socketUrl(this.#origin, "", "/ws");
  }

  /** @param {string} url */
  #connect(url) {
    if (this.#over) return;
    const resume = () => ({ n: this.#progress.n, seq: this.#relay.acknowledged, ...(this.#callRef && { callRef: this.#callRef }) });
    const socket = new VivaSocket({ url, token: this.#ticket ?? "", sessionId: this.#sessionId, resume });
    this.#socket = socket;
    socket.on("state", (state) => this.emit("socket", state));
    socket.on("sent", (message) => this.emit("sent", message));
    socket.on("roundTrip", (trip) => this.emit("roundTrip", trip));
    socket.on("message", (message) => this.#receive(message));
    socket.on("closed", ({ code, gaveUp }) => {
      // A line that `retry` replaced has nothing more to say.
      if (socket === this.#socket) this.#socketClosed(code, gaveUp);
    });
    socket.open();
  }

  /** A network that came back and a lid that was opened mostly mean a dead line: do not wait for it to be noticed. */
  #watchForSleep() {
    const hurry = () => this.#socket?.hurry();
    addEventListener("online", hurry, { signal: this.#listening.signal });
    // A hidden page loses nothing; it only may have slept.
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && hurry(), { signal: this.#listening.signal });
  }

  #makeLegs() {
    const legs = new Legs({
      send: (message) => this.#socket?.send(message) ?? false,
      sendWhenReady: (message) => this.#socket?.sendWhenReady(message) ?? false,
      reachable: () => this.#socket?.state === "ready",
      now: () => this.#api.now(),
      microphone: this.#microphone,
      speaker: this.#speaker,
    });
    legs.on("offered", ({ sdp }) => this.#described("offer", sdp));
    legs.on("answered", ({ sdp }) => this.#described("answer", sdp));
    legs.on("states", (states) => {
      if (states.ice === "connected" || states.ice === "completed") this.#mark("ice");
      if (states.dtls === "connected") this.#mark("dtls");
      if (states.channel === "open") this.#mark("channel");
      this.emit("states", states);
    });
    legs.on("event", ({ event, callId, inForce }) => {
      this.#relay.offer(event, callId);
      this.#ring.add(event, this.#api.now());
      if (MODEL_SPOKE.has(event.type)) this.#mark("turn");
      this.emit(inForce ? "event" : "aside", event);
    });
    legs.on("told", (event) => this.emit("told", event));
    legs.on("audible", (stream) => {
      this.#mark("audio");
      this.emit("sound", stream);
    });
    legs.on("sample", (sample) => this.emit("sample", sample));
    legs.on("renewal", (news) => this.emit("renewal", news));
    legs.on("playBlocked", () => this.emit("playBlocked", {}));
    legs.on("failed", ({ code, message, retry }) => this.#failWith(code, message, retry));
    return legs;
  }

  /** @param {"offer" | "answer"} kind @param {string} sdp */
  #described(kind, sdp) {
    this.#mark(kind);
    this.emit("sdp", { kind, sdp });
  }

  // --- what the server says ---

  /** @param {import("../types.js").Message} message */
  #receive(message) {
    this.#progress.take(message);
    switch (message.type) {
      case "session":
        this.#mark("ws");
        this.#sessionId = message.sessionId ?? this.#sessionId;
        this.#progress.joined(Boolean(message.resumed));
        this.#relay.resume(Number(message.lastSeq) || 0);
        this.#control(message);
        this.#lineReady(message);
        break;
      case "control":
        this.#control(message);
        break;
      case "sdp_answer":
        this.#callRef = message.callRef ?? this.#callRef;
        void this.#legs.answer(message);
        break;
      case "renegotiate":
        this.#legs.renegotiate(/** @type {import("./renewal.js").Order & {type: string}} */ (message));
        break;
      case "switch":
        this.#legs.switch(message);
        break;
      case "replay":
        for (const part of this.#ring.replay(message)) this.#socket?.send(part);
        break;
      case "realtime_send":
        this.#legs.execute(message);
        break;
      case "transcript_acknowledged":
        this.#relay.acknowledge(Number(message.seq));
        break;
      case "error":
        this.#legs.refused(message);
        break;
      case "slow_down":
        this.#legs.rest();
        break;
      case "interview_ending":
        this.#legs.end();
        break;
      case "session_ended":
        this.#legs.end();
        this.#hangUp();
        break;
      case "interview_saved":
        this.#mark("saved");
        break;
    }
    this.emit("message", message);
    if (message.type === "interview_saved") this.#finish("saved");
  }

  /** @param {import("../types.js").Message} message `session` or `control` */
  #control(message) {
    this.#legs.control(message);
    if (message.control) this.#relay.setControl(message.control);
  }

  /** @param {import("../types.js").Message} session */
  #lineReady(session) {
    // `failed` is not over: after a definite refusal by the model the same session may be tried again.
    if (session.status === "completed" || session.status === "cancelled") return this.#finish("ended");
    this.#legs.lineReady(session);
  }

  // --- the end ---

  /** @param {number} code @param {boolean} gaveUp */
  #socketClosed(code, gaveUp) {
    if (this.#over) return;
    // The interview goes on elsewhere: what is said here is nobody's answer any more.
    if (code === 4409) this.#hangUp();
    if (gaveUp || code === 4404 || code === 1000) return void this.#ask(gaveUp ? "LINE_LOST" : "SESSION_ENDED");
    this.#failWith(CLOSE_CODES[code] ?? "INTERNAL", "The server closed the line.", code === 4503);
  }

  /** The line is closed: whether the session is over is for the record to say. @param {string} otherwise */
  async #ask(otherwise) {
    try {
      const session = await this.#api.session(this.#sessionId ?? "");
      if (session.status === "failed") return this.#failWith(session.upstream_error ?? otherwise, "The call failed.", true);
      if (session.ended_at) return this.#finish("ended");
    } catch {
      // Not reachable either: say what is known.
    }
    this.#failWith(otherwise, "The line to the server is closed.", true);
  }

  /** @param {unknown} error */
  #fail(error) {
    const { code = "INTERNAL", message = "" } = /** @type {{code?: string, message?: string}} */ (error);
    const kept = error instanceof ApiError && error.status === 401 ? "AUTHENTICATION_FAILED" : code;
    this.#failWith(kept, message, kept !== "AUTHENTICATION_FAILED");
  }

  /** @param {string} code @param {string} message @param {boolean} retry */
  #failWith(code, message, retry) {
    if (!this.#over) this.emit("failure", { code, message, retry });
  }

  /** @param {string} code */
  #finish(code) {
    if (this.#over) return;
    this.close();
    this.emit("over", { code });
  }

  /** Without connection and microphone. */
  #hangUp() {
    this.#legs.close();
    this.#microphone.close();
  }

  /** @param {Mark} name */
  #mark(name) {
    if (this.#marked.has(name)) return;
    this.#marked.add(name);
    this.emit("mark", { name, at: performance.now() });
  }

  /** @param {() => void} work @param {number} delayMs */
  #later(work, delayMs) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delayMs);
    this.#timers.add(timer);
  }
}

/** Close codes that end it for this page. @type {Record<number, string>} */
const CLOSE_CODES = {
  4400: "INTERNAL",
  4401: "TOKEN_EXPIRED",
  4409: "REPLACED",
  4413: "INVALID_SDP",
  4503: "CAPACITY_REACHED",
};
