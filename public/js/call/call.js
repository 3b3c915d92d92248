// @ts-check
/**
 * @file One call of one session: microphone, ticket, socket and peer put together.
 * It shows nothing; pages listen. It decides nothing about stages or turns; the server does.
 */

import { ApiError } from "../api.js";
import { Emitter } from "../emitter.js";
import { openMicrophone, release } from "../media/microphone.js";
import { Autopilot } from "./autopilot.js";
import { Directives } from "./directives.js";
import { Relay } from "./relay.js";
import { Peer } from "./rtc.js";
import { Sampler } from "./sampler.js";
import { VivaSocket, socketUrl } from "./socket.js";

/** How often the server gets a summary; it keeps a histogram, not samples. */
const REPORT_EVERY_MS = 15_000;
/** The server answers `end_session` at once; after this the HTTP door is tried. */
const END_PATIENCE_MS = 5_000;
/** Upstream 10 s, and a little for the way. */
const ANSWER_PATIENCE_MS = 15_000;
/** Renewed offers without a person's click; the server allows six a minute. */
const MAX_SELF_OFFERS = 2;

/**
 * @typedef {"microphone" | "ticket" | "ws" | "offer" | "answer" | "ice" | "dtls" | "channel" | "audio" | "turn" | "saved"} Mark
 * @typedef {{code: string, message: string, retry: boolean}} Failure
 */

/**
 * @extends {Emitter<{
 *   mark: {name: Mark, at: number},
 *   microphone: MediaStream,
 *   sound: MediaStream,
 *   socket: {state: import("./socket.js").SocketState, attempt: number, delayMs: number},
 *   roundTrip: {ms: number},
 *   message: import("../types.js").Message,
 *   sent: import("../types.js").Message,
 *   states: import("./rtc.js").PeerStates,
 *   event: import("../types.js").ModelEvent,
 *   told: import("../types.js").ModelEvent,
 *   sdp: {kind: "offer" | "answer", sdp: string},
 *   sample: import("../types.js").StatsSample,
 *   playBlocked: {},
 *   failure: Failure,
 *   over: {code: string},
 * }>}
 */
export class Call extends Emitter {
  #api;
  #origin;
  #sink;
  #sessionId;
  #ticket;
  #ticketGiven;
  /** @type {MediaStream | null} */
  #microphone = null;
  /** @type {VivaSocket | null} */
  #socket = null;
  /** @type {Peer | null} */
  #peer = null;
  /** @type {Sampler | null} */
  #sampler = null;
  #relay = new Relay((message) => this.#socket?.send(message) ?? false);
  #directives = new Directives((event) => this.#peer?.send(event) ?? false);
  #autopilot = new Autopilot(
    (event) => this.#peer?.send(event) ?? false,
    () => this.#socket?.state === "ready",
  );
  /** @type {Set<Mark>} */
  #marked = new Set();
  #reportedAt = 0;
  #answerDue = false;
  #selfOffers = 0;
  #over = false;
  /** @type {Set<ReturnType<typeof setTimeout>>} everything that ticks, cleared at the end */
  #timers = new Set();

  /**
   * @param {object} options
   * @param {import("../api.js").Api} options.api
   * @param {string} options.origin where `/ws` is
   * @param {HTMLAudioElement} options.sink this call's own element
   * @param {string} [options.sessionId] absent when the ticket alone names the session
   * @param {string} [options.ticket] absent: the call mints its own
   */
  constructor({ api, origin, sink, sessionId, ticket }) {
    super();
    this.#api = api;
    this.#origin = origin;
    this.#sink = sink;
    this.#sessionId = sessionId;
    this.#ticket = ticket;
    this.#ticketGiven = ticket !== undefined;
  }

  /** @returns {string | undefined} */
  get sessionId() {
    return this.#sessionId;
  }

  get relayStatus() {
    return { unacknowledged: this.#relay.unacknowledged, dropped: this.#relay.dropped };
  }

  /** Microphone and socket start together; the offer needs both. Failures are emitted, not thrown. */
  async start() {
    try {
      const [, url] = await Promise.all([this.#openMicrophone(), this.#obtainTicket()]);
      if (!this.#over) this.#connect(url);
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Tries again, because a person asked for it. On a new line with a new ticket: after a time-out the old ticket
   * may not start a second call, since nobody knows whether the first one exists.
   */
  async retry() {
    this.#selfOffers = 0;
    const old = this.#socket;
    this.#socket = null;
    old?.close();
    this.#peer?.close();
    if (!this.#ticketGiven) this.#ticket = undefined;
    await this.start();
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
    await this.#peer?.unblock();
  }

  /** Lets go of everything without ending the session. */
  close() {
    if (this.#over) return;
    this.#over = true;
    this.#hangUp();
    this.#socket?.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #openMicrophone() {
    this.#microphone ??= await openMicrophone();
    if (this.#over) return release(this.#microphone);
    this.#mark("microphone");
    this.emit("microphone", this.#microphone);
  }

  /** @returns {Promise<string>} the socket's address */
  async #obtainTicket() {
    let given;
    if (!this.#ticket) {
      const { ticket, ws_url } = await this.#api.mintTicket(this.#sessionId ?? "");
      this.#ticket = ticket.value;
      given = ws_url;
    }
    this.#mark("ticket");
    return this.#sessionId ? socketUrl(this.#origin, this.#sessionId, given) : socketUrl(this.#origin, "", "/ws");
  }

  /** @param {string} url */
  #connect(url) {
    const socket = new VivaSocket({ url, token: this.#ticket ?? "", sessionId: this.#sessionId });
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

  /** @param {import("../types.js").Message} message */
  #receive(message) {
    switch (message.type) {
      case "session":
        this.#mark("ws");
        this.#sessionId = message.sessionId ?? this.#sessionId;
        this.#control(message);
        this.#relay.resume(Number(message.lastSeq) || 0);
        this.#lineReady(message);
        break;
      case "control":
        this.#control(message);
        break;
      case "sdp_answer":
        void this.#answer(message.answer?.sdp ?? message.answer);
        break;
      case "realtime_send":
        this.#directives.take(/** @type {{epoch?: unknown, events?: unknown}} */ (message));
        break;
      case "transcript_acknowledged":
        this.#relay.acknowledge(Number(message.seq));
        break;
      case "error":
        this.#refused(message);
        break;
      case "interview_ending":
      case "slow_down":
        this.#autopilot.stop();
        break;
      case "session_ended":
        this.#autopilot.stop();
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
  #control({ control, epoch }) {
    this.#directives.enter(epoch);
    if (control) this.#relay.setControl(control);
    if (control === "sideband") this.#autopilot.serverIsBack();
  }

  /** @param {import("../types.js").Message} session */
  #lineReady(session) {
    // `failed` is not over: after a definite refusal by the model the same session may be tried again.
    if (session.status === "completed" || session.status === "cancelled") return this.#finish("ended");
    if (this.#peer && !this.#peer.dead) this.#report();
    else void this.#offer();
  }

  async #offer() {
    if (!this.#microphone || this.#over) return;
    this.#peer?.close();
    const peer = new Peer(this.#microphone, this.#sink);
    this.#peer = peer;
    peer.on("states", (states) => this.#states(peer, states));
    peer.on("event", (event) => this.#heard(event));
    peer.on("sent", (event) => this.emit("told", event));
    peer.on("playBlocked", () => {
      this.complain("play_blocked", "the browser waits for a gesture");
      this.emit("playBlocked", {});
    });
    const sdp = await peer.offer();
    if (peer.dead) return;
    this.#answerDue = true;
    this.#socket?.send({ type: "sdp_offer", offer: { type: "offer", sdp } });
    this.#mark("offer");
    this.emit("sdp", { kind: "offer", sdp });
    this.#later(() => this.#answerLate(peer), ANSWER_PATIENCE_MS);
  }

  /** @param {unknown} sdp */
  async #answer(sdp) {
    const peer = this.#peer;
    if (!peer || typeof sdp !== "string") return;
    this.#answerDue = false;
    this.#mark("answer");
    this.emit("sdp", { kind: "answer", sdp });
    try {
      await peer.accept(sdp);
    } catch {
      this.complain("answer_refused", "setRemoteDescription failed");
      return this.#failWith("SDP_EXCHANGE_FAILED", "The browser does not accept the answer.", true);
    }
    this.#watch(peer);
  }

  /** @param {Peer} peer */
  #answerLate(peer) {
    if (peer !== this.#peer || !this.#answerDue) return;
    this.#answerDue = false;
    this.#failWith("UPSTREAM_TIMEOUT", "No answer came.", true);
  }

  /** An `error` while an answer is due is the answer. @param {import("../types.js").Message} message */
  #refused({ code, message, retryable }) {
    if (!this.#answerDue) return;
    this.#answerDue = false;
    this.#peer?.close();
    this.#failWith(code, message, Boolean(retryable));
  }

  /** @param {Peer} peer @param {import("./rtc.js").PeerStates} states */
  #states(peer, states) {
    if (peer !== this.#peer) return;
    if (states.ice === "connected" || states.ice === "completed") this.#mark("ice");
    if (states.dtls === "connected") this.#mark("dtls");
    if (states.channel === "open") {
      this.#mark("channel");
      this.#directives.flush();
    }
    this.emit("states", states);
    if (this.#over) return;
    this.#report();
    if (states.connection === "connected") this.#selfOffers = 0;
    if (states.connection === "failed") this.#dropped();
  }

  #dropped() {
    this.complain("ice_failed", "the peer connection failed");
    if (this.#selfOffers < MAX_SELF_OFFERS && this.#socket?.state === "ready") {
      this.#selfOffers += 1;
      this.#later(() => void this.#offer(), 1_000);
    } else {
      this.#failWith("WEBRTC_CONNECTION_FAILED", "The peer connection failed.", true);
    }
  }

  /** @param {import("../types.js").ModelEvent} event */
  #heard(event) {
    this.#relay.offer(event);
    this.#autopilot.observe(event);
    if (event.type === "response.output_audio_transcript.done") this.#mark("turn");
    this.emit("event", event);
  }

  /** @param {Peer} peer */
  #watch(peer) {
    this.#sampler?.stop();
    const sampler = new Sampler(peer);
    this.#sampler = sampler;
    this.#reportedAt = performance.now();
    sampler.on("firstSound", () => {
      this.#mark("audio");
      const stream = this.#sink.srcObject;
      if (stream instanceof MediaStream) this.emit("sound", stream);
    });
    sampler.on("sample", (sample) => {
      this.emit("sample", sample);
      if (sample.at - this.#reportedAt >= REPORT_EVERY_MS) this.#report();
    });
    sampler.start();
  }

  /** Tells the server how the connection is; a newer report replaces a lost one, so none waits for the line. */
  #report() {
    if (!this.#peer || this.#peer.dead) return;
    const { connection, ice } = this.#peer.states;
    if (connection === "new") return;
    this.#reportedAt = performance.now();
    const sample = this.#sampler?.last;
    const stats = sample ? { rttMs: sample.rttMs, jitterMs: sample.jitterMs, lossPct: sample.lossPct } : undefined;
    this.#socket?.send({ type: "connection_state", state: connection, ice, stats });
  }

  /** @param {number} code @param {boolean} gaveUp */
  #socketClosed(code, gaveUp) {
    if (this.#over) return;
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

  #hangUp() {
    this.#sampler?.stop();
    this.#peer?.close();
    if (this.#microphone) release(this.#microphone);
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
