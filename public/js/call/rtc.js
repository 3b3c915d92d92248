// @ts-check
/**
 * @file One peer connection to the model: one audio track out, one in, and the `oai-events` channel.
 * It does not know Viva: offers and answers pass through its caller, and so does the sound that comes in.
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
 *   sound: MediaStream,
 * }>}
 */
export class Peer extends Emitter {
  #pc = new RTCPeerConnection();
  // Created before the offer: the model accepts events only on a channel that the offer announces.
  #channel = this.#pc.createDataChannel("oai-events");
  #sender;
  #closed = false;

  /** @param {MediaStream} microphone */
  constructor(microphone) {
    super();
    const [track] = microphone.getAudioTracks();
    this.#sender = this.#pc.addTrack(track, microphone);
    this.#pc.ontrack = ({ track: remote, streams }) => this.emit("sound", streams[0] ?? new MediaStream([remote]));
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
    this.#sender.transport?.addEventListener("statechange", () => this.#tell());
    return offer.sdp ?? "";
  }

  /** What this connection sends from now on: a microphone's track, or nothing at all. @param {MediaStreamTrack | null} track */
  async speak(track) {
    // Refused only by a connection that is closed, which sends nothing anyway.
    if (!this.#closed) await this.#sender.replaceTrack(track).catch(() => {});
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

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#channel.onmessage = null;
    this.#channel.close();
    this.#pc.close();
    this.#tell();
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
    const state = this.#sender.transport?.state;
    if (connection === "closed") return "closed";
    return state ?? (connection === "connected" ? "connected" : "new");
  }

  #tell() {
    this.emit("states", this.states);
  }
}
