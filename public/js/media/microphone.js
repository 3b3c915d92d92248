// @ts-check
/** @file The microphone: opening it with errors that can be explained, and muting it. It never records. */

/** Why there is no microphone; `code` is one of `explain.js` and of `client_error`. */
export class MicrophoneError extends Error {
  /** @param {"mic_denied" | "mic_missing" | "mic_busy" | "insecure"} code */
  constructor(code) {
    super(code);
    this.name = "MicrophoneError";
    this.code = code;
  }
}

/** @type {Record<string, "mic_denied" | "mic_missing" | "mic_busy">} */
const BY_NAME = {
  NotAllowedError: "mic_denied",
  SecurityError: "mic_denied",
  NotFoundError: "mic_missing",
  OverconstrainedError: "mic_missing",
  NotReadableError: "mic_busy",
  AbortError: "mic_busy",
};

/** @returns {Promise<MediaStream>} with exactly one audio track */
export async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) throw new MicrophoneError("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (fault) {
    throw new MicrophoneError(BY_NAME[/** @type {Error} */ (fault)?.name] ?? "mic_missing");
  }
}

/**
 * What can be known before asking. Browsers that do not tell count as willing.
 * @returns {Promise<MicrophoneError | null>}
 */
export async function foreseeMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) return new MicrophoneError("insecure");
  try {
    const { state } = await navigator.permissions.query({ name: /** @type {PermissionName} */ ("microphone") });
    if (state === "denied") return new MicrophoneError("mic_denied");
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.some(({ kind }) => kind === "audioinput") ? null : new MicrophoneError("mic_missing");
  } catch {
    return null;
  }
}

/** A muted track sends silence; the call stays up. @param {MediaStream} stream */
export function mute(stream) {
  for (const track of stream.getAudioTracks()) track.enabled = false;
}

/** @param {MediaStream} stream */
export function unmute(stream) {
  for (const track of stream.getAudioTracks()) track.enabled = true;
}

/** Gives the device back. @param {MediaStream} stream */
export function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}
