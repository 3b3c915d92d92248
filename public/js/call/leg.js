// @ts-check
/**
 * @file One call to the model as this page holds it: its connection, its id, its dead-man switch and its measurements.
 * An interview has one leg at a time, and two for as long as a renewal takes.
 */

import { Emitter } from "../emitter.js";
import { Autopilot } from "./autopilot.js";
import { Peer } from "./rtc.js";
import { Sampler } from "./sampler.js";

/**
 * @extends {Emitter<{
 *   states: import("./rtc.js").PeerStates,
 *   event: import("../types.js").ModelEvent,
 *   sent: import("../types.js").ModelEvent,
 *   sound: MediaStream,
 *   audible: MediaStream,
 *   sample: import("../types.js").StatsSample,
 * }>}
 */
export class Leg extends Emitter {
  #peer;
  #autopilot;
  /** @type {Sampler | null} */
  #sampler = null;
  #closed = false;
  /** Our own id of the call, once it was answered. */
  callId = "";
  /** An offer is out and nothing came back. */
  due = false;
  /** @type {MediaStream | null} the interviewer's voice */
  sound = null;

  /** @param {MediaStream} microphone @param {() => boolean} serverReachable */
  constructor(microphone, serverReachable) {
    super();
    const peer = new Peer(microphone);
    this.#peer = peer;
    this.#autopilot = new Autopilot((event) => peer.send(event), serverReachable);
    peer.on("states", (states) => this.emit("states", states));
    peer.on("sent", (event) => this.emit("sent", event));
    peer.on("sound", (stream) => {
      this.sound = stream;
      this.emit("sound", stream);
    });
    peer.on("event", (event) => {
      this.#autopilot.observe(event);
      this.emit("event", event);
    });
  }

  get states() {
    return this.#peer.states;
  }

  /** Of no further use, for whatever reason. */
  get dead() {
    return this.#peer.dead;
  }

  /** Of no further use, and not because it was closed here. */
  get lost() {
    return this.#peer.dead && !this.#closed;
  }

  /** The last measurement, of a leg that is measured. */
  get last() {
    return this.#sampler?.last ?? null;
  }

  /** @returns {Promise<string>} the offer's SDP */
  offer() {
    return this.#peer.offer();
  }

  /** @param {string} sdp @param {string} callId */
  async accept(sdp, callId) {
    this.due = false;
    this.callId = callId;
    await this.#peer.accept(sdp);
  }

  /** @param {MediaStreamTrack | null} track what the model hears from now on; null is nothing at all */
  async speak(track) {
    await this.#peer.speak(track);
  }

  /** @param {import("../types.js").ModelEvent} event @returns {boolean} whether the data channel took it */
  send(event) {
    return this.#peer.send(event);
  }

  /** The server is in charge again. */
  serverIsBack() {
    this.#autopilot.serverIsBack();
  }

  /** From here on no reply is asked for by this page. */
  rest() {
    this.#autopilot.stop();
  }

  /** Measures from now on. */
  measure() {
    if (this.#sampler) return;
    const sampler = new Sampler(this.#peer);
    this.#sampler = sampler;
    sampler.on("firstSound", () => this.sound && this.emit("audible", this.sound));
    sampler.on("sample", (sample) => this.emit("sample", sample));
    sampler.start();
  }

  close() {
    this.#closed = true;
    this.due = false;
    this.#autopilot.stop();
    this.#sampler?.stop();
    this.#peer.close();
  }
}
