// @ts-check
/** @file How loud a stream is right now, as 0..1 on a scale that follows hearing. It analyses and keeps nothing. */

/** Below this (dB full scale) a room is quiet, above the other a voice is loud. */
const QUIET_DB = -60;
const LOUD_DB = -12;
/** Levels above this count as somebody talking, for words like "we hear you". */
export const AUDIBLE = 0.25;

/** @type {AudioContext | null} one for the page: browsers allow only a handful */
let shared = null;

/** @returns {AudioContext} */
function context() {
  if (shared) return shared;
  const made = new AudioContext();
  shared = made;
  // Created without a gesture it may sleep; the first touch or key wakes it.
  const wake = () => void made.resume();
  for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, wake, { passive: true });
  return made;
}

export class Level {
  #analyser;
  #source;
  #samples;

  /** @param {MediaStream} stream */
  constructor(stream) {
    const audio = context();
    this.#source = audio.createMediaStreamSource(stream);
    this.#analyser = audio.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#source.connect(this.#analyser);
    this.#samples = new Float32Array(this.#analyser.fftSize);
  }

  /** @returns {number | null} 0 (quiet) to 1 (loud); null while the browser does not let sound be measured */
  read() {
    if (context().state !== "running") return null;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const rms = Math.sqrt(sum / this.#samples.length);
    if (rms === 0) return 0;
    const db = 20 * Math.log10(rms);
    return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
  }

  close() {
    this.#source.disconnect();
  }
}
