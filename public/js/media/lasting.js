// @ts-check
/**
 * @file A microphone for the length of a call. When its device is pulled out or taken away another one is looked for,
 * at once and whenever the devices change; the call stays up meanwhile and hears silence.
 */

import { Emitter } from "../emitter.js";
import { MicrophoneError, openMicrophone, release } from "./microphone.js";

/** @extends {Emitter<{stream: MediaStream, gone: {code: string}}>} */
export class LastingMicrophone extends Emitter {
  /** @type {MediaStream | null} */
  #stream = null;
  #closed = false;
  /** @type {Promise<void> | null} one question to the person at a time */
  #opening = null;
  #watching = false;

  get track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  /** @returns {MediaStream | null} */
  get stream() {
    return this.#stream;
  }

  /** Opens it, or opens it again after it was lost. @returns {Promise<void>} fails with a `MicrophoneError` */
  open() {
    if (this.track?.readyState === "live") return Promise.resolve();
    this.#opening ??= this.#open().finally(() => (this.#opening = null));
    return this.#opening;
  }

  close() {
    this.#closed = true;
    if (this.#stream) release(this.#stream);
    if (this.#watching) navigator.mediaDevices.removeEventListener("devicechange", this.#again);
  }

  async #open() {
    const stream = await openMicrophone();
    if (this.#closed) return release(stream);
    this.#stream = stream;
    const [track] = stream.getAudioTracks();
    track.addEventListener("ended", () => void this.#lost(track));
    if (!this.#watching) {
      this.#watching = true;
      navigator.mediaDevices.addEventListener("devicechange", this.#again);
    }
    this.emit("stream", stream);
  }

  /** @param {MediaStreamTrack} track */
  async #lost(track) {
    if (this.#closed || track !== this.track) return;
    try {
      await this.open();
    } catch (fault) {
      const { code } = fault instanceof MicrophoneError ? fault : { code: "mic_missing" };
      if (!this.#closed) this.emit("gone", { code });
    }
  }

  #again = () => {
    const { track } = this;
    if (track && track.readyState !== "live") void this.#lost(track);
  };
}
