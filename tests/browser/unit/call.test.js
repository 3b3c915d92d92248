/** @file A whole call against a server, a browser and a model that the test holds in its hand: loss, renewal, reload. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Call } from "../../../public/js/call/call.js";
import { ApiError } from "../../../public/js/api.js";

class FakeTrack extends EventTarget {
  kind = "audio";
  readyState = "live";
  enabled = true;
  stop() {
    this.readyState = "ended";
  }
  /** The device was pulled out. */
  vanish() {
    this.stop();
    this.dispatchEvent(new Event("ended"));
  }
}

class FakeStream {
  track = new FakeTrack();
  getAudioTracks() {
    return [this.track];
  }
  getTracks() {
    return [this.track];
  }
}

class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  /** @type {any[]} */
  sent = [];
  onopen = () => {};
  onclose = () => {};
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = "closed";
  }
}

class FakePeer {
  /** @type {FakePeer[]} */
  static made = [];
  connectionState = "new";
  iceConnectionState = "new";
  channel = new FakeChannel();
  /** @type {unknown} what this connection sends */
  speaking = null;
  sound = new FakeStream();
  onconnectionstatechange = () => {};
  oniceconnectionstatechange = () => {};
  /** @type {(event: any) => void} */
  ontrack = () => {};
  constructor() {
    FakePeer.made.push(this);
  }
  createDataChannel() {
    return this.channel;
  }
  /** @param {FakeTrack} track */
  addTrack(track) {
    this.speaking = track;
    return { transport: null, replaceTrack: async (/** @type {unknown} */ other) => void (this.speaking = other) };
  }
  async createOffer() {
    return { type: "offer", sdp: `offer ${FakePeer.made.indexOf(this)}` };
  }
  async setLocalDescription() {}
  /** @param {{sdp: string}} answer */
  async setRemoteDescription(answer) {
    if (answer.sdp === "bad") throw new Error("no answer");
    this.ontrack({ track: this.sound.track, streams: [this.sound] });
  }
  async getStats() {
    return new Map();
  }
  close() {
    this.connectionState = "closed";
  }
  get closed() {
    return this.connectionState === "closed";
  }
  connect() {
    this.connectionState = this.iceConnectionState = "connected";
    this.channel.readyState = "open";
    this.channel.onopen();
    this.onconnectionstatechange();
  }
  fail() {
    this.connectionState = "failed";
    this.onconnectionstatechange();
  }
  hangUp() {
    this.channel.readyState = "closed";
    this.channel.onclose();
  }
  /** @param {object} event */
  say(event) {
    this.channel.onmessage?.({ data: JSON.stringify(event) });
  }
}

class FakeLine {
  /** @type {FakeLine[]} */
  static made = [];
  bufferedAmount = 0;
  /** @type {any[]} */
  sent = [];
  onopen = () => {};
  /** @type {(event: {data: unknown}) => void} */
  onmessage = () => {};
  /** @type {(event: {code: number, reason: string}) => void} */
  onclose = () => {};
  constructor() {
    FakeLine.made.push(this);
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  /** @param {object} message */
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

/** Lets every promise that is ready run. */
const settle = async () => {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
};

describe("a call", () => {
  /** @type {Call} */
  let call;
  /** @type {Record<string, any[]>} */
  let news;
  /** @type {FakeStream[]} */
  let microphones;
  /** @type {Error | null} */
  let noMicrophone;
  let minted = 0;
  /** @type {{srcObject: unknown, play: () => Promise<void>}} */
  let sink;
  const devices = Object.assign(new EventTarget(), {
    getUserMedia: async () => {
      if (noMicrophone) throw noMicrophone;
      microphones.push(new FakeStream());
      return microphones.at(-1);
    },
  });
  const before = Object.getOwnPropertyDescriptors(globalThis);
  const line = () => /** @type {FakeLine} */ (FakeLine.made.at(-1));
  const peer = (index = -1) => /** @type {FakePeer} */ (FakePeer.made.at(index));
  const sent = (/** @type {string} */ type) => line().sent.filter((message) => message.type === type);
  const offers = () => sent("sdp_offer").map(({ offer, renegotiateId }) => [offer.sdp, renegotiateId]);
  const tick = async (/** @type {number} */ ms) => {
    for (let left = ms; left > 0; left -= 100) {
      mock.timers.tick(Math.min(left, 100));
      await settle();
    }
  };
  const session = (extra = {}) => ({ type: "session", sessionId: "s1", status: "in_progress", control: "sideband", epoch: 1, lastSeq: 0, resumed: false, ...extra });
  const say = async (/** @type {object} */ message) => {
    line().say(message);
    await settle();
  };

  /** @param {{joins?: "first" | "again"}} [how] */
  const begin = async ({ joins = "first" } = {}) => {
    const api = {
      now: () => Date.now(),
      mintTicket: async () => {
        minted += 1;
        return { ticket: { value: `ek_viva_${minted}`, expires_at: "" }, ws_url: "ws://viva.test/ws?session=s1" };
      },
      session: async () => ({ status: "in_progress" }),
    };
    call = new Call({ api: /** @type {any} */ (api), origin: "http://viva.test", sink: /** @type {any} */ (sink), sessionId: "s1", joins });
    news = {};
    for (const name of /** @type {const} */ (["states", "event", "aside", "renewal", "failure", "message", "microphone", "microphoneGone", "over"])) {
      news[name] = [];
      call.on(name, (detail) => news[name].push(detail));
    }
    void call.start();
    await settle();
  };

  /** Up to a call that is connected. */
  const connected = async () => {
    await begin();
    line().onopen();
    await say(session());
    await say({ type: "sdp_answer", answer: { type: "answer", sdp: "answer 1" }, callId: "c1", callRef: "ref1" });
    peer().connect();
    await settle();
  };

  beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_700_000_000_000 });
    FakePeer.made = [];
    FakeLine.made = [];
    microphones = [];
    noMicrophone = null;
    minted = 0;
    sink = { srcObject: null, play: async () => {} };
    const globals = {
      WebSocket: FakeLine,
      RTCPeerConnection: FakePeer,
      MediaStream: FakeStream,
      navigator: { mediaDevices: devices },
      document: Object.assign(new EventTarget(), { visibilityState: "visible" }),
      addEventListener: () => {},
    };
    for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  });
  afterEach(() => {
    call?.close();
    mock.timers.reset();
    for (const name of ["WebSocket", "RTCPeerConnection", "MediaStream", "navigator", "document", "addEventListener"]) {
      const was = before[/** @type {keyof typeof before} */ (name)];
      if (was) Object.defineProperty(globalThis, name, was);
      else Reflect.deleteProperty(globalThis, name);
    }
  });

  it("begins with one offer, and names its call in what it reports", async () => {
    await connected();
    assert.deepEqual(offers(), [["offer 0", undefined]]);
    assert.equal(peer().speaking, microphones[0].track);
    assert.equal(sink.srcObject, peer().sound);
    const last = sent("connection_state").at(-1);
    assert.deepEqual([last.state, last.callId], ["connected", "c1"]);
  });

  it("comes back to the line with what it has, and offers nothing again", async () => {
    await connected();
    await say({ type: "agent_caption", itemId: "a1", text: "Hello", final: true, n: 4 });
    line().onclose({ code: 1012, reason: "" });
    await tick(400);
    line().onopen();
    const [init] = line().sent;
    assert.deepEqual([init.type, init.n, init.seq, init.callRef], ["init", 4, 0, "ref1"]);
    await say(session({ resumed: true }));
    await say({ type: "missed", messages: [{ type: "user_caption", itemId: "u1", text: "Hi", final: true, n: 5 }], last: true });
    assert.deepEqual(offers(), []);
    assert.equal(sent("connection_state").at(-1).state, "connected");
    line().onclose({ code: 1006, reason: "" });
    await tick(600);
    line().onopen();
    assert.equal(line().sent[0].n, 5);
  });

  it("renews beside the running call: silent until the switch, then moves and lets the old one go", async () => {
    await connected();
    const old = peer();
    await say({ type: "renegotiate", id: "g1", reason: "cap", deadline: new Date(Date.now() + 60_000).toISOString() });
    assert.deepEqual(offers().at(-1), ["offer 1", "g1"]);
    const fresh = peer();
    assert.equal(fresh.speaking, null, "two models must not hear one answer");
    await say({ type: "sdp_answer", answer: { type: "answer", sdp: "answer 2" }, callId: "c2", callRef: "ref2", renegotiateId: "g1" });
    fresh.connect();
    await settle();
    assert.deepEqual(sent("connection_state").at(-1).callId, "c2");
    assert.equal(old.speaking, microphones[0].track);
    assert.equal(sink.srcObject, old.sound, "the old one is heard until the switch");
    await say({ type: "renegotiate", id: "g1", reason: "cap", deadline: "" });
    assert.equal(FakePeer.made.length, 2, "said twice is said once");

    await say({ type: "switch", id: "g1", callId: "c2" });
    assert.deepEqual(sent("switched"), [{ type: "switched", id: "g1" }]);
    assert.deepEqual([old.speaking, fresh.speaking, sink.srcObject], [null, microphones[0].track, fresh.sound]);
    assert.deepEqual(news.renewal.map(({ state }) => state), ["renewing", "renewed"]);
    old.say({ type: "conversation.item.done", item: { id: "u1" } });
    fresh.say({ type: "response.created", response: {} });
    assert.deepEqual([news.aside.length, news.event.length], [1, 1]);
    await tick(4_900);
    assert.ok(!old.closed);
    await tick(200);
    assert.ok(old.closed && !fresh.closed);
    await say({ type: "switch", id: "g1", callId: "c2" });
    assert.equal(sent("switched").length, 2, "an answer that was lost is given again");
    line().onclose({ code: 1006, reason: "" });
    await tick(400);
    line().onopen();
    assert.equal(line().sent[0].callRef, "ref2");
  });

  it("relays of both calls, each under its name", async () => {
    await connected();
    await say({ type: "control", control: "relay", epoch: 2 });
    const old = peer();
    await say({ type: "renegotiate", id: "g1", reason: "cap", deadline: new Date(Date.now() + 60_000).toISOString() });
    await say({ type: "sdp_answer", answer: { type: "answer", sdp: "answer 2" }, callId: "c2", renegotiateId: "g1" });
    peer().connect();
    await say({ type: "realtime_send", epoch: 2, callId: "c2", events: [{ id: "d1", event: { type: "session.update" } }] });
    await say({ type: "switch", id: "g1", callId: "c2" });
    await say({ type: "realtime_send", epoch: 2, events: [{ id: "d2", event: { type: "response.create" } }] });
    assert.deepEqual(peer().channel.sent.map(({ type }) => type), ["session.update", "response.create"]);
    assert.deepEqual(old.channel.sent, []);
    old.say({ type: "response.done", response: { id: "r1" } });
    peer().say({ type: "response.created", response: { id: "r2" } });
    assert.deepEqual(sent("transcript").map(({ seq, callId }) => [seq, callId]), [[1, "c1"], [2, "c2"]]);
  });

  it("tries a renewal again until its deadline, and the running call does not notice", async () => {
    await connected();
    await say({ type: "renegotiate", id: "g1", reason: "cap", deadline: new Date(Date.now() + 20_000).toISOString() });
    await say({ type: "error", code: "UPSTREAM_RATE_LIMITED", message: "", retryable: true, retryAfterMs: 2_000 });
    await tick(2_100);
    assert.equal(offers().length, 3);
    await say({ type: "sdp_answer", answer: { type: "answer", sdp: "answer 3" }, callId: "c3", renegotiateId: "g1" });
    peer().connect();
    await settle();
    peer().hangUp();
    await settle();
    await tick(2_100);
    assert.equal(offers().length, 4, "a new connection that dies before the switch is made again");
    await tick(30_000);
    assert.deepEqual(news.renewal.map(({ state }) => state), ["renewing", "failed"]);
    assert.deepEqual(news.failure, []);
    assert.ok(!FakePeer.made[0].closed);
    assert.ok(FakePeer.made.slice(1).every(({ closed }) => closed));
    assert.equal(FakePeer.made[0].speaking, microphones[0].track);
  });

  it("does not insist on a renewal that is refused for good", async () => {
    await connected();
    await say({ type: "renegotiate", id: "g1", reason: "cap", deadline: new Date(Date.now() + 60_000).toISOString() });
    await say({ type: "error", code: "SESSION_ENDED", message: "", retryable: false });
    await tick(20_000);
    assert.deepEqual([offers().length, news.renewal.at(-1).state], [2, "failed"]);
  });

  it("replaces a lost call at once, with the microphone on it", async () => {
    await connected();
    const old = peer();
    old.hangUp();
    await settle();
    assert.equal(sent("connection_state").at(-1).state, "failed");
    await say({ type: "renegotiate", id: "g2", reason: "lost", deadline: new Date(Date.now() + 30_000).toISOString() });
    assert.ok(old.closed);
    assert.equal(peer().speaking, microphones[0].track);
    await say({ type: "sdp_answer", answer: { type: "answer", sdp: "answer 2" }, callId: "c2", renegotiateId: "g2" });
    assert.equal(news.renewal.at(-1).state, "renewing", "an answer is not a connection");
    peer().connect();
    await tick(10_000);
    assert.deepEqual(offers(), [["offer 0", undefined], ["offer 1", "g2"]], "and makes no offer of its own");
    assert.equal(sink.srcObject, peer().sound);
    await say({ type: "switch", id: "g2", callId: "c2" });
    assert.equal(sent("switched").length, 1);
    assert.deepEqual(news.renewal.map(({ state, reason }) => [state, reason]), [["renewing", "lost"], ["renewed", "lost"]]);
  });

  it("says so when a lost call cannot be replaced in time", async () => {
    await connected();
    peer().hangUp();
    await say({ type: "renegotiate", id: "g2", reason: "lost", deadline: new Date(Date.now() + 5_000).toISOString() });
    for (let turn = 0; turn < 4; turn += 1) {
      await say({ type: "error", code: "UPSTREAM_ERROR", message: "", retryable: true });
      await tick(5_000);
    }
    assert.deepEqual(news.failure.map(({ code, retry }) => [code, retry]), [["WEBRTC_CONNECTION_FAILED", true]]);
  });

  it("offers by itself when nobody says how to go on, and not for ever", async () => {
    await connected();
    peer().fail();
    await settle();
    await tick(2_900);
    assert.equal(offers().length, 1);
    await tick(200);
    assert.deepEqual(offers().at(-1), ["offer 1", undefined]);
    for (let turn = 0; turn < 3; turn += 1) {
      await say({ type: "sdp_answer", answer: { type: "answer", sdp: "again" }, callId: `c${turn + 2}` });
      peer().fail();
      await tick(3_200);
    }
    assert.equal(offers().length, 3);
    assert.equal(news.failure.at(-1).code, "WEBRTC_CONNECTION_FAILED");
  });

  it("does not take the end of an interview for a loss", async () => {
    await connected();
    await say({ type: "interview_ending", message: "", inSeconds: 5 });
    peer().hangUp();
    await tick(10_000);
    assert.deepEqual([offers().length, news.failure], [1, []]);
  });

  it("joins again before the microphone is open, and offers when it is", async () => {
    noMicrophone = Object.assign(new Error("no"), { name: "NotAllowedError" });
    await begin({ joins: "again" });
    line().onopen();
    await say(session({ resumed: true }));
    await say({ type: "missed", messages: [], last: true });
    assert.deepEqual(offers(), []);
    assert.deepEqual(news.failure.map(({ code, retry }) => [code, retry]), [["mic_denied", true]]);
    noMicrophone = null;
    await call.retry();
    await settle();
    assert.deepEqual(offers(), [["offer 0", undefined]]);
    assert.equal(FakeLine.made.length, 1, "on the same line");
  });

  it("repeats the offer of somebody in mid-call when the model was busy, and shows a first caller the refusal", async () => {
    await begin({ joins: "again" });
    line().onopen();
    await say(session({ resumed: true }));
    await say({ type: "error", code: "UPSTREAM_RATE_LIMITED", message: "", retryable: true });
    assert.deepEqual(news.failure, []);
    await tick(1_600);
    assert.equal(offers().length, 2);
    call.close();
    await begin();
    line().onopen();
    await say(session());
    await say({ type: "error", code: "UPSTREAM_RATE_LIMITED", message: "", retryable: true });
    assert.equal(news.failure.length, 1);
  });

  it("offers again when the answer was lost with the line", async () => {
    await begin();
    line().onopen();
    await say(session());
    line().onclose({ code: 1006, reason: "" });
    await tick(400);
    line().onopen();
    await say(session());
    assert.deepEqual(offers(), [["offer 1", undefined]]);
  });

  it("answers a replay with what the model said on any of its calls", async () => {
    await connected();
    peer().say({ type: "input_audio_buffer.committed", item_id: "u1" });
    await say({ type: "replay", id: "r1", since: Date.now() - 60_000 });
    assert.deepEqual(sent("replayed"), [{ type: "replayed", id: "r1", events: [{ type: "input_audio_buffer.committed", item_id: "u1" }], last: true }]);
  });

  it("takes another microphone when the one it has is pulled out", async () => {
    await connected();
    microphones[0].track.vanish();
    await settle();
    assert.equal(peer().speaking, microphones[1].track);
    noMicrophone = Object.assign(new Error("none"), { name: "NotFoundError" });
    microphones[1].track.vanish();
    await settle();
    assert.deepEqual(news.microphoneGone, [{ code: "mic_missing" }]);
    assert.equal(sent("client_error").at(-1).code, "mic_missing");
    noMicrophone = null;
    devices.dispatchEvent(new Event("devicechange"));
    await settle();
    assert.equal(peer().speaking, microphones[2].track);
    assert.equal(FakePeer.made.length, 1, "the call stays up");
  });

  it("answers with the dead-man switch on the call in force, and hands over while the line is down", async () => {
    await connected();
    line().onclose({ code: 1006, reason: "" });
    peer().say({ type: "input_audio_buffer.committed", item_id: "u1" });
    await tick(2_600);
    assert.deepEqual(peer().channel.sent.map(({ type }) => type), ["response.create", "session.update"]);
    assert.equal(peer().channel.sent[1].session.audio.input.turn_detection.create_response, true);
  });

  it("is silent when the interview goes on elsewhere", async () => {
    await connected();
    line().onclose({ code: 4409, reason: "" });
    await settle();
    assert.ok(peer().closed);
    assert.equal(microphones[0].track.readyState, "ended");
    assert.deepEqual(news.failure.map(({ code, retry }) => [code, retry]), [["REPLACED", false]]);
  });

  it("waits for a server that restarts before it gives up on a ticket", async () => {
    let asked = 0;
    const away = new ApiError({ status: 0, code: "NETWORK", detail: "" });
    const api = {
      now: () => Date.now(),
      mintTicket: async () => {
        asked += 1;
        if (asked < 3) throw away;
        return { ticket: { value: "ek_viva_x", expires_at: "" }, ws_url: "ws://viva.test/ws?session=s1" };
      },
    };
    call = new Call({ api: /** @type {any} */ (api), origin: "http://viva.test", sink: /** @type {any} */ (sink), sessionId: "s1", joins: "again" });
    void call.start();
    await tick(4_000);
    assert.deepEqual([asked, FakeLine.made.length], [3, 1]);
  });
});
