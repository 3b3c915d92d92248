/** @file The dead-man switch: answers when the server does not, and keeps still when it does. */

import assert from "node:assert/strict";
import { beforeEach, describe, it, mock } from "node:test";
import { Autopilot } from "../../../public/js/call/autopilot.js";

describe("the autopilot", () => {
  /** @type {any[]} */
  let written;
  let reachable = true;
  /** @type {Autopilot} */
  let autopilot;
  const see = (/** @type {string[]} */ ...types) => types.forEach((type) => autopilot.observe({ type }));
  const types = () => written.map(({ type }) => type);

  beforeEach(() => {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    written = [];
    reachable = true;
    autopilot = new Autopilot(
      (event) => written.push(event) > 0,
      () => reachable,
    );
  });

  it("keeps still while the server answers in time", () => {
    see("input_audio_buffer.committed");
    mock.timers.tick(2_400);
    see("response.created");
    mock.timers.tick(10_000);
    assert.deepEqual(written, []);
  });

  it("asks for a reply after 2.5 s, marked as its own", () => {
    see("input_audio_buffer.committed");
    mock.timers.tick(2_499);
    assert.deepEqual(written, []);
    mock.timers.tick(1);
    assert.deepEqual(written, [{ type: "response.create", response: { metadata: { viva: "autopilot" } } }]);
  });

  it("waits again when the candidate goes on", () => {
    see("input_audio_buffer.committed");
    mock.timers.tick(2_000);
    see("input_audio_buffer.speech_started");
    mock.timers.tick(5_000);
    assert.deepEqual(written, []);
    see("input_audio_buffer.committed");
    mock.timers.tick(2_500);
    assert.deepEqual(types(), ["response.create"]);
  });

  it("does not speak into a reply that is under way", () => {
    see("response.created", "input_audio_buffer.committed");
    mock.timers.tick(10_000);
    assert.deepEqual(written, []);
    see("response.done");
    mock.timers.tick(2_500);
    assert.deepEqual(types(), ["response.create"]);
  });

  it("hands over to the model after two in a row, with the whole of its turn detection", () => {
    autopilot.observe({ type: "session.updated", session: { audio: { input: { turn_detection: { type: "server_vad", silence_duration_ms: 800, create_response: false } } } } });
    for (let turn = 0; turn < 3; turn += 1) {
      see("input_audio_buffer.committed");
      mock.timers.tick(2_500);
      autopilot.observe({ type: "response.created", response: { metadata: { viva: "autopilot" } } });
      see("response.done");
    }
    assert.deepEqual(types(), ["response.create", "response.create", "session.update", "response.create"]);
    const { turn_detection } = written[2].session.audio.input;
    assert.deepEqual(turn_detection, { type: "server_vad", interrupt_response: true, silence_duration_ms: 800, create_response: true });
  });

  it("hands over at once when the server cannot be reached", () => {
    reachable = false;
    see("input_audio_buffer.committed");
    mock.timers.tick(2_500);
    assert.deepEqual(types(), ["response.create", "session.update"]);
  });

  it("counts anew when the server answered in between", () => {
    for (let turn = 0; turn < 3; turn += 1) {
      see("input_audio_buffer.committed");
      mock.timers.tick(2_500);
      autopilot.observe({ type: "response.created", response: { metadata: { viva: "autopilot" } } });
      see("response.done", "input_audio_buffer.committed");
      autopilot.observe({ type: "response.created", response: { metadata: { viva: "n1" } } });
      see("response.done");
    }
    assert.deepEqual(types(), ["response.create", "response.create", "response.create"]);
  });

  it("is still for good when the interview closes", () => {
    see("input_audio_buffer.committed");
    autopilot.stop();
    mock.timers.tick(10_000);
    see("input_audio_buffer.committed");
    mock.timers.tick(10_000);
    assert.deepEqual(written, []);
  });
});
