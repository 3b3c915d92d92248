// @ts-check
/**
 * @file A sound or video file of this machine in the place of a microphone: it is played here, heard here, and sent as
 * the call's own track. Nothing of it is uploaded or kept; when it is over, the track is silent.
 */

import { Emitter } from "../emitter.js";

/** Why a file cannot be played; `code` is one of `explain.js`. */
export class FileError extends Error {
  constructor() {
    super("file_unplayable");
    this.name = "FileError";
    this.code = "file_unplayable";
  }
}

/** It has what a call asks of a `LastingMicrophone`. @extends {Emitter<{stream: MediaStream, gone: {code: string}, over: {}}>} */
export class PlayedFile extends Emitter {
  #address;
  #element;
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {MediaStream | null} */
  #stream = null;

  /** @param {File} file @param {HTMLElement} place where it is shown */
  constructor(file, place) {
    super();
    this.#address = URL.createObjectURL(file);
    this.#element = /** @type {HTMLMediaElement} */ (document.createElement(file.type.startsWith("video/") ? "video" : "audio"));
    this.#element.controls = true;
    this.#element.setAttribute("playsinline", "");
    this.#element.setAttribute("aria-label", file.name);
    this.#element.addEventListener("ended", () => this.emit("over", {}));
    place.replaceChildren(this.#element);
    place.hidden = false;
  }

  get track() {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  get stream() {
    return this.#stream;
  }

  /** Makes it ready; within a click, since sound is made. @returns {Promise<void>} fails with a `FileError` */
  async open() {
    if (this.#stream) return;
    await loaded(this.#element, this.#address);
    const audio = new AudioContext();
    this.#audio = audio;
    const source = audio.createMediaElementSource(this.#element);
    const sent = audio.createMediaStreamDestination();
    source.connect(sent);
    // Whoever transcribes it wants to hear it too.
    source.connect(audio.destination);
    await audio.resume();
    this.#stream = sent.stream;
    this.emit("stream", sent.stream);
  }

  /** From its beginning, once somebody listens. */
  async play() {
    await this.#element.play();
  }

  close() {
    this.#element.pause();
    this.#element.removeAttribute("src");
    URL.revokeObjectURL(this.#address);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    void this.#audio?.close().catch(() => {});
    this.#audio = null;
  }
}

/** Loaded far enough to know that it can be played. @param {HTMLMediaElement} element @param {string} address @returns {Promise<void>} */
function loaded(element, address) {
  return new Promise((resolve, reject) => {
    element.addEventListener("loadedmetadata", () => resolve(), { once: true });
    element.addEventListener("error", () => reject(new FileError()), { once: true });
    element.src = address;
  });
}
