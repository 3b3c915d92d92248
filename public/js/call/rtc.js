// @ts-check
/**
 * @file One peer connection to the model: one audio track out, one in, and the `oai-events` channel.
 * It does not know Viva: offers and answers pass through its caller. One `<audio>` element belongs to one peer.
 */

import { Emitter } from "../emitter.js";

/** The provider's events are small; a larger frame is not for a page to parse. */
const MAX_EVENT_CHARS = 1 << 20;
/** Stop writing when this much waits in the channel: it is reliable, so it would only grow. */
const MAX_BUFFERED_BYTES = 256 * 1024;

/**
 * @typedef {object} PeerStates
 * @property {RTCPeerConnectionState} connection
 * @property {RTCIceConnectionState} ice
 * @property {RTCDtlsTransportState} dtls
 * @property {RTCDataChannelState} channel
 */

/**
 * @extends {Emitter<{
 *   states: PeerStates,
 *   event: import("../types.js").ModelEvent,
 *   sent: import("../types.js").ModelEvent,
 *   playBlocked: {},
 * }>}
 */
export class Peer extends Emitter {
  #pc = new RTCPeerConnection();
  // Created before the offer: the model accepts events only on a channel that the offer announces.
  #channel = this.#pc.createDataChannel("oai-events");
  #sink;
  #closed = false;

  /** @param {MediaStream} microphone @param {HTMLAudioElement} sink */
  constructor(microphone, sink) {
    super();
    this.#sink = sink;
    const [track] = microphone.getAudioTracks();
    this.#pc.addTrack(track, microphone);
    this.#pc.ontrack = ({ track: remote, streams }) => this.#play(streams[0] ?? new MediaStream([remote]));
    this.#pc.onconnectionstatechange = () => this.#tell();
    this.#pc.oniceconnectionstatechange = () => this.#tell();
    this.#channel.onopen = () => this.#tell();
    this.#channel.onclose = () => this.#tell();
    this.#channel.onmessage = ({ data }) => this.#receive(data);
  }

  /** @returns {PeerStates} */
  get states() {
    const connection = this.#pc.connectionState;
    return {
      connection,
      ice: this.#pc.iceConnectionState,
      dtls: this.#dtls(connection),
      channel: this.#channel.readyState,
    };
  }

  /** The connection is of no further use. */
  get dead() {
    return this.#closed || this.#pc.connectionState === "failed" || this.#channel.readyState === "closed";
  }

  /**
   * The offer, to be sent at once: the model learns this browser's addresses from its checks, so there is nothing
   * to gather for.
   * @returns {Promise<string>}
   */
  async offer() {
    const offer = await this.#pc.createOffer();
    await this.#pc.setLocalDescription(offer);
    this.#pc.getSenders()[0]?.transport?.addEventListener("statechange", () => this.#tell());
    return offer.sdp ?? "";
  }

  /** @param {string} sdp */
  async accept(sdp) {
    await this.#pc.setRemoteDescription({ type: "answer", sdp });
  }

  /**
   * @param {import("../types.js").ModelEvent} event
   * @returns {boolean} false when the channel is not open or does not move
   */
  send(event) {
    if (this.#channel.readyState !== "open" || this.#channel.bufferedAmount > MAX_BUFFERED_BYTES) return false;
    this.#channel.send(JSON.stringify(event));
    this.emit("sent", event);
    return true;
  }

  /** @returns {Promise<RTCStatsReport>} */
  stats() {
    return this.#pc.getStats();
  }

  /** Tries again to play, from within a click. */
  async unblock() {
    await this.#sink.play();
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#channel.onmessage = null;
    this.#channel.close();
    this.#pc.close();
    this.#sink.srcObject = null;
    this.#tell();
  }

  /** @param {MediaStream} stream */
  #play(stream) {
    this.#sink.srcObject = stream;
    this.#sink.play().catch((fault) => {
      // AbortError only says that a newer load replaced this one.
      if (fault?.name === "NotAllowedError") this.emit("playBlocked", {});
    });
  }

  /** @param {unknown} data */
  #receive(data) {
    if (typeof data !== "string" || data.length > MAX_EVENT_CHARS) return;
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof event?.type === "string") this.emit("event", event);
  }

  /** Some browsers take the transport away when the connection closes; the whole connection tells then. @param {RTCPeerConnectionState} connection @returns {RTCDtlsTransportState} */
  #dtls(connection) {
    const state = this.#pc.getSenders()[0]?.transport?.state;
    if (connection === "closed") return "closed";
    return state ?? (connection === "connected" ? "connected" : "new");
  }

  #tell() {
    this.emit("states", this.states);
  }
}
