// @ts-check
/**
 * @file One run of the test page: the call, what was measured on the way, and the report of it all.
 * A report never holds a ticket. It does hold SDP and words: it is for the person whose call it was.
 */

import { Api } from "./api.js";
import { Call } from "./call/call.js";
import { compare } from "./call/compare.js";
import { TEST_NOTICE, agreeTo } from "./consent.js";
import { withoutAudio } from "./call/relay.js";
import { Seen } from "./call/seen.js";
import { explain, explainCode } from "./explain.js";

/** Two hours of seconds. */
const MAX_SAMPLES = 7_200;

/** `agreed`: the sentence that connecting agrees to. @typedef {{origin: string, plan: string, agreed: string, ticket: string | undefined, sink: HTMLAudioElement}} Options */

export class Run {
  #options;
  #bench;
  #api;
  #seen = new Seen();
  /** @type {Call | null} */
  #call = null;
  #sdp = { offer: "", answer: "" };
  /** @type {import("./types.js").StatsSample[]} */
  #samples = [];
  /** @type {Record<string, string>} */
  #states = {};
  /** @type {import("./types.js").Stage[]} */
  #stages = [];
  #stage = "";
  /** @type {import("./types.js").Message[]} stage changes as announced */
  #stageChanges = [];
  /** @type {import("./types.js").Transcript | null} */
  #stored = null;
  /** @type {import("./call/compare.js").Row[]} */
  #comparison = [];
  #startedAt = new Date();
  /** Calls to the model that this run took so far. */
  #calls = 1;
  #finished = false;

  /** @type {(stream: MediaStream) => void} */
  onMicrophone = () => {};
  /** @type {() => void} */
  onDone = () => {};

  /** @param {Options} options @param {import("./view/bench.js").Bench} bench */
  constructor(options, bench) {
    this.#options = options;
    this.#bench = bench;
    this.#api = new Api({ base: options.origin === location.origin ? "" : options.origin, ticket: options.ticket });
    bench.begin();
  }

  async go() {
    const { steps } = this.#bench;
    try {
      steps.run("health");
      const health = await this.#api.health();
      steps.pass("health");
      this.#bench.note("health", health);
      const sessionId = this.#options.ticket ? undefined : await this.#makeSession();
      if (!this.#finished) this.#dial(sessionId);
    } catch (error) {
      const { title, help } = explain(error);
      this.#bench.note("failed", { code: /** @type {any} */ (error)?.code });
      steps.failCurrent(`${title}. ${help}`);
      this.#done("fail");
    }
  }

  /** Goes on to the next stage. */
  skip() {
    const at = this.#stages.findIndex(({ name }) => name === this.#stage);
    const next = this.#stages[at + 1];
    if (next) this.#call?.skipTo(next.name);
  }

  async end() {
    await this.#call?.end();
  }

  /** Lets go without ending the session; the server's grace does that. */
  close() {
    this.#call?.close();
    this.#done("fail");
  }

  /** Everything that this run knows. */
  report() {
    const { steps, log } = this.#bench;
    return {
      viva_run: 1,
      started_at: this.#startedAt.toISOString(),
      server: this.#options.origin,
      plan: this.#options.plan,
      session_id: this.#call?.sessionId ?? null,
      user_agent: navigator.userAgent,
      result: document.body.dataset.run,
      steps: steps.all,
      states: this.#states,
      stage_changes: this.#stageChanges,
      offer: this.#sdp.offer,
      answer: this.#sdp.answer,
      samples: this.#samples,
      seen: this.#seen.turns,
      stored: this.#stored,
      comparison: this.#comparison,
      relay: this.#call?.relayStatus ?? null,
      events: log.entries,
      events_forgotten: log.forgotten,
    };
  }

  async #makeSession() {
    const { steps } = this.#bench;
    steps.run("guest");
    const who = await this.#api.signIn();
    steps.pass("guest");
    steps.run("session");
    const consent = await agreeTo([this.#options.agreed], TEST_NOTICE);
    const { session } = await this.#api.createSession({ plan: this.#options.plan }, consent);
    steps.pass("session");
    this.#bench.note(`session (${who})`, session);
    return session.id;
  }

  /** @param {string | undefined} sessionId */
  #dial(sessionId) {
    const { steps } = this.#bench;
    if (!sessionId) {
      steps.skip("guest");
      steps.skip("session");
    }
    const { origin, sink, ticket } = this.#options;
    const call = new Call({ api: this.#api, origin, sink, sessionId, ticket });
    this.#call = call;
    steps.run("microphone");
    steps.run("ws");
    call.on("mark", ({ name, at }) => this.#mark(name, at));
    call.on("microphone", (stream) => this.onMicrophone(stream));
    call.on("sdp", ({ kind, sdp }) => {
      this.#sdp[kind] = sdp;
      this.#bench.sdp(kind, sdp);
    });
    call.on("states", (states) => this.#state({ ...states }));
    call.on("socket", ({ state }) => this.#state({ socket: state }));
    call.on("roundTrip", ({ ms }) => this.#bench.fact("line", `${ms.toFixed(1)} ms`));
    call.on("sample", (sample) => this.#sample(sample));
    call.on("event", (event) => this.#heard(event));
    call.on("aside", (event) => this.#heard(event));
    call.on("renewal", ({ state, reason }) => this.#renewal(state, reason));
    call.on("told", (event) => this.#bench.log.add(this.#entry("model", "out", event)));
    call.on("message", (message) => this.#told(message));
    call.on("sent", (message) => this.#bench.log.add(this.#entry("server", "out", message)));
    call.on("failure", ({ code, message }) => this.#failed(code, message));
    call.on("over", () => void this.#settle());
    void call.start();
    this.#bench.live();
  }

  /** A step begins where the one that it waits for is done. @param {import("./call/call.js").Mark} name @param {number} at */
  #mark(name, at) {
    const { steps } = this.#bench;
    if (name === "ticket" || name === "saved") return;
    steps.pass(name, at);
    const next = FOLLOWS[name];
    if (next) steps.run(next);
    this.#bench.drawWaterfall();
  }

  /** @param {Record<string, string>} states */
  #state(states) {
    Object.assign(this.#states, states);
    for (const [fact, value] of Object.entries(states)) this.#bench.fact(fact, value);
  }

  /** @param {import("./types.js").StatsSample} sample */
  #sample(sample) {
    this.#samples.push(sample);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#bench.sample(sample);
  }

  /** @param {string} state @param {string} reason */
  #renewal(state, reason) {
    if (state === "renewed") this.#calls += 1;
    this.#bench.note(`connection ${state}`, { reason });
    this.#state({ calls: state === "renewing" ? `${this.#calls}, renewing` : String(this.#calls) });
  }

  /** @param {import("./types.js").ModelEvent} event */
  #heard(event) {
    this.#bench.log.add(this.#entry("model", "in", event));
    if (this.#seen.observe(event)) this.#bench.turns(this.#seen.turns);
  }

  /** @param {import("./types.js").Message} message */
  #told(message) {
    this.#bench.log.add(this.#entry("server", "in", message));
    if (message.type === "session") {
      this.#stages = message.stages ?? [];
      this.#stage = message.stage ?? this.#stage;
    }
    if (message.type === "session" || message.type === "control") this.#state({ control: String(message.control) });
    if (message.type === "control" && message.sideband) this.#state({ sideband: message.sideband });
    if (message.type === "missed") for (const missed of message.messages ?? []) this.#told(missed);
    if (message.type === "stage_change" && !this.#stageChanges.some(({ n }) => n !== undefined && n === message.n)) {
      this.#stage = message.stage;
      this.#stageChanges.push(message);
      this.#state({ stage: this.#stages.find(({ name }) => name === message.stage)?.label ?? message.stage });
    }
    if (message.type === "session_ended") this.#bench.steps.run("saved");
    if (message.type === "save_error") this.#bench.warn("The record is not being saved", String(message.message ?? ""));
    if (message.type === "interview_saved") this.#bench.clearWarning();
  }

  /** @param {string} code @param {string} message */
  #failed(code, message) {
    const { title, help } = explainCode(code);
    this.#bench.note("failed", { code, message });
    this.#bench.steps.failCurrent(`${title}. ${help} (${code})`);
    this.#call?.close();
    this.#done("fail");
  }

  /** The call is over: the record must hold what was seen. */
  async #settle() {
    const { steps } = this.#bench;
    try {
      steps.run("saved");
      this.#stored = await this.#api.transcript(this.#call?.sessionId ?? "");
      const { rows, agrees } = compare(this.#seen.turns, this.#stored.turns);
      this.#comparison = rows;
      this.#bench.comparison(rows, agrees);
      if (agrees) steps.pass("saved");
      else steps.fail("saved", rows.length === 0 ? "No turn was seen or stored." : "The record differs from what this page saw.");
    } catch (error) {
      const { title, help } = explain(error);
      steps.fail("saved", `${title}. ${help}`);
    }
    this.#done(steps.passed ? "pass" : "fail");
  }

  /** @param {"pass" | "fail"} result */
  #done(result) {
    if (this.#finished) return;
    this.#finished = true;
    this.#bench.finish(result);
    this.onDone();
  }

  /** @param {import("./view/log.js").Channel} channel @param {"in" | "out"} way @param {import("./types.js").Message} message @returns {import("./view/log.js").Entry} */
  #entry(channel, way, message) {
    return { atMs: performance.now() - this.#bench.steps.clickedAt, channel, way, name: message.type, data: withoutAudio(message) };
  }
}

/** @type {Partial<Record<import("./call/call.js").Mark, import("./view/steps.js").StepName>>} */
const FOLLOWS = { ws: "offer", offer: "answer", answer: "ice", ice: "dtls", dtls: "channel", channel: "audio", audio: "turn" };
