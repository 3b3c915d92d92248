/** @file The `viva.v1` socket against a socket that the test holds in its hand. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { VivaSocket, socketUrl } from "../../../public/js/call/socket.js";

class FakeWebSocket {
  /** @type {FakeWebSocket[]} */
  static made = [];
  bufferedAmount = 0;
  /** @type {any[]} */
  sent = [];
  closed = false;
  /** @type {() => void} */
  onopen = () => {};
  /** @type {(event: {data: unknown}) => void} */
  onmessage = () => {};
  /** @type {(event: {code: number, reason: string}) => void} */
  onclose = () => {};

  /** @param {string} url */
  constructor(url) {
    this.url = url;
    FakeWebSocket.made.push(this);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  /** @param {object} message */
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

describe("the socket", () => {
  const real = globalThis.WebSocket;
  /** @type {VivaSocket} */
  let socket;
  /** @type {any[]} */
  let states;
  /** @type {any[]} */
  let closed;
  const line = () => /** @type {FakeWebSocket} */ (FakeWebSocket.made.at(-1));
  const connect = () => {
    line().onopen();
    line().say({ type: "session", sessionId: "s1" });
  };

  beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    let now = 0;
    mock.method(performance, "now", () => now);
    tick = (ms) => {
      now += ms;
      mock.timers.tick(ms);
    };
    FakeWebSocket.made = [];
    globalThis.WebSocket = /** @type {any} */ (FakeWebSocket);
    told = 0;
    socket = new VivaSocket({ url: "ws://viva.test/ws?session=s1", token: "ek_viva_secret", sessionId: "s1", resume: () => ({ n: told, seq: 0 }) });
    states = [];
    closed = [];
    socket.on("state", ({ state }) => states.push(state));
    socket.on("closed", (event) => closed.push(event));
    socket.open();
  });
  afterEach(() => {
    socket.close();
    mock.restoreAll();
    globalThis.WebSocket = real;
  });
  /** @type {(ms: number) => void} */
  let tick;
  let told = 0;

  it("begins with init, and is ready only after the session message", () => {
    line().onopen();
    assert.deepEqual(line().sent.map(({ type, token }) => [type, token]), [["init", "ek_viva_secret"]]);
    assert.ok(!socket.send({ type: "ping" }), "nothing before the session message");
    line().say({ type: "session", sessionId: "s1" });
    assert.ok(socket.send({ type: "ping" }));
  });

  it("says up to where it was told, each time anew", () => {
    line().onopen();
    line().say({ type: "session", sessionId: "s1" });
    assert.equal(line().sent[0].n, 0);
    told = 7;
    line().onclose({ code: 1006, reason: "" });
    tick(300);
    line().onopen();
    assert.equal(line().sent[0].n, 7);
  });

  it("dials at once when the network is back", () => {
    connect();
    for (let loss = 0; loss < 4; loss += 1) {
      line().onclose({ code: 1006, reason: "" });
      if (loss < 3) tick(8_000);
    }
    const before = FakeWebSocket.made.length;
    socket.hurry();
    assert.equal(FakeWebSocket.made.length, before + 1);
    tick(8_000);
    assert.equal(FakeWebSocket.made.length, before + 1, "and not a second time");
  });

  it("finds out soon whether a line survived", () => {
    connect();
    tick(1_000);
    socket.hurry();
    line().say({ type: "pong", t: 1_000 });
    tick(4_000);
    assert.equal(states.at(-1), "ready");
    tick(1_000);
    socket.hurry();
    tick(4_000);
    assert.equal(states.at(-1), "retrying");
    assert.ok(FakeWebSocket.made[0].closed);
  });

  it("takes beats that are far apart for sleep", () => {
    connect();
    let wall = 1_000_000;
    mock.method(Date, "now", () => wall);
    tick(10_000);
    line().say({ type: "pong", t: 0 });
    wall += 600_000;
    tick(10_000);
    tick(4_000);
    assert.equal(states.at(-1), "retrying");
  });

  it("shows the ticket to nobody but the server", () => {
    /** @type {any[]} */
    const seen = [];
    socket.on("sent", (message) => seen.push(message));
    connect();
    socket.send({ type: "ping" });
    assert.ok(!JSON.stringify(seen).includes("secret"));
    assert.ok(!line().url.includes("secret"));
  });

  for (const code of [1001, 1006, 1012, 1013]) {
    it(`comes back after ${code} and greets again`, () => {
      connect();
      line().onclose({ code, reason: "" });
      assert.equal(states.at(-1), "retrying");
      tick(300);
      assert.equal(FakeWebSocket.made.length, 2);
      connect();
      assert.equal(states.at(-1), "ready");
      assert.equal(line().sent[0].type, "init");
    });
  }

  for (const code of [1000, 4400, 4401, 4404, 4409, 4413, 4503]) {
    it(`stays away after ${code}`, () => {
      connect();
      line().onclose({ code, reason: "" });
      tick(60_000);
      assert.equal(FakeWebSocket.made.length, 1);
      assert.deepEqual(closed.map((event) => [event.code, event.gaveUp]), [[code, false]]);
    });
  }

  it("waits as long as the server asks", () => {
    connect();
    line().say({ type: "reconnect", afterMs: 5_000 });
    line().onclose({ code: 1012, reason: "" });
    tick(4_999);
    assert.equal(FakeWebSocket.made.length, 1);
    tick(1);
    assert.equal(FakeWebSocket.made.length, 2);
  });

  it("gives up when the session cannot be there any more", () => {
    connect();
    line().onclose({ code: 1006, reason: "" });
    for (let second = 0; second < 120 && closed.length === 0; second += 1) {
      const before = FakeWebSocket.made.length;
      tick(1_000);
      if (FakeWebSocket.made.length > before) line().onclose({ code: 1006, reason: "" });
    }
    assert.deepEqual(closed.map(({ gaveUp }) => gaveUp), [true]);
    assert.ok(FakeWebSocket.made.length < 40, `${FakeWebSocket.made.length} tries in 75 s`);
  });

  it("notices a line that is dead although nobody closed it", () => {
    connect();
    for (let beat = 0; beat < 3; beat += 1) tick(10_000);
    assert.equal(states.at(-1), "retrying");
    assert.ok(FakeWebSocket.made[0].closed);
  });

  it("pings, and a pong keeps it alive", () => {
    connect();
    for (let beat = 0; beat < 6; beat += 1) {
      tick(10_000);
      const ping = line().sent.at(-1);
      assert.equal(ping.type, "ping");
      line().say({ type: "pong", t: ping.t });
    }
    assert.equal(states.at(-1), "ready");
  });

  it("keeps what must not be lost until the line is back, and only so much", () => {
    connect();
    line().onclose({ code: 1006, reason: "" });
    const taken = Array.from({ length: 20 }, () => socket.sendWhenReady({ type: "end_session" })).filter(Boolean);
    assert.equal(taken.length, 16);
    tick(300);
    connect();
    assert.equal(line().sent.filter(({ type }) => type === "end_session").length, 16);
  });

  it("refuses to pile up on a line that does not move", () => {
    connect();
    line().bufferedAmount = 2 << 20;
    assert.ok(!socket.send({ type: "transcript" }));
  });

  it("ignores what is not a message", () => {
    connect();
    /** @type {any[]} */
    const heard = [];
    socket.on("message", (message) => heard.push(message));
    for (const data of ["{", "null", '"x"', "{}", new ArrayBuffer(4)]) line().onmessage({ data });
    assert.deepEqual(heard, []);
  });

  it("comes back for a message that a listener sends while the line returns", () => {
    connect();
    line().onclose({ code: 1006, reason: "" });
    socket.sendWhenReady({ type: "skip_stage", target_stage: "closing" });
    tick(300);
    connect();
    assert.deepEqual(line().sent.map(({ type }) => type), ["init", "skip_stage"]);
  });
});

it("the address follows the server's scheme and never holds a ticket", () => {
  assert.equal(socketUrl("https://viva.example.org", "a b"), "wss://viva.example.org/ws?session=a%20b");
  assert.equal(socketUrl("http://127.0.0.1:8080", "x", "ws://127.0.0.1:8080/ws?session=x"), "ws://127.0.0.1:8080/ws?session=x");
});
