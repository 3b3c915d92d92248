// @ts-check
/**
 * @file What this page reports while the server has no line of its own to the model (`control: "relay"`).
 * Only allow-listed events, without audio, numbered, kept in memory until the server has stored them.
 */

/** Memory for events that the server has not stored yet. */
const MAX_KEPT_CHARS = 256 * 1024;
/** A frame of `viva.v1` may hold 128 KiB; a single event near that is no conversation. */
const MAX_EVENT_CHARS = 96 * 1024;
/** Words stream by the syllable; joined for this long they stay far below the socket's message rate. */
const JOIN_MS = 120;

const EXACT = new Set([
  "input_audio_buffer.speech_started",
  "input_audio_buffer.speech_stopped",
  "input_audio_buffer.committed",
  "conversation.item.added",
  "conversation.item.done",
  "conversation.item.truncated",
  "conversation.item.deleted",
  "conversation.item.retrieved",
  "response.created",
  "response.done",
  "response.output_item.added",
  "response.output_audio_transcript.delta",
  "response.output_audio_transcript.done",
  "response.output_text.delta",
  "response.output_text.done",
  "response.function_call_arguments.done",
  "error",
]);
const PREFIXES = ["conversation.item.input_audio_transcription.", "output_audio_buffer.", "session."];

/** @param {string} type @returns {boolean} */
export function isRelayed(type) {
  return EXACT.has(type) || PREFIXES.some((prefix) => type.startsWith(prefix));
}

/**
 * A copy without sound (`audio` as text is base64) and without padding and probabilities, which nobody reads.
 * @template Value
 * @param {Value} value
 * @returns {Value}
 */
export function withoutAudio(value) {
  return JSON.parse(
    JSON.stringify(value, (key, held) => {
      if (key === "audio" && typeof held === "string") return undefined;
      return key === "obfuscation" || key === "logprobs" ? undefined : held;
    }),
  );
}

export class Relay {
  #send;
  /** @type {{seq: number, event: import("../types.js").ModelEvent, size: number}[]} in order of `seq` */
  #kept = [];
  #size = 0;
  #seq = 0;
  /** @type {import("../types.js").Control} */
  #control = "pending";
  /** @type {import("../types.js").ModelEvent | null} a delta that may still grow */
  #joining = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Events that did not fit; shown, never hidden. */
  dropped = 0;

  /** @param {(message: import("../types.js").Message) => boolean} send hands a message to the socket if it is ready */
  constructor(send) {
    this.#send = send;
  }

  /** How many events wait to be stored. */
  get unacknowledged() {
    return this.#kept.length;
  }

  /**
   * The server said who records. What was kept while that was open is reported, or dropped when the server
   * heard it itself.
   * @param {import("../types.js").Control} control
   */
  setControl(control) {
    if (control === this.#control) return;
    this.#control = control;
    if (control === "relay") this.#resend();
    if (control === "sideband") this.#forget();
  }

  /** The line is back; `lastSeq` is the last number the server has. @param {number} lastSeq */
  resume(lastSeq) {
    this.#seq = Math.max(this.#seq, lastSeq);
    this.acknowledge(lastSeq);
    if (this.#control === "relay") this.#resend();
  }

  /** Cumulative: everything up to `seq` is on disk. @param {number} seq */
  acknowledge(seq) {
    while (this.#kept.length > 0 && this.#kept[0].seq <= seq) this.#shift();
  }

  /** @param {import("../types.js").ModelEvent} event as it came from the model */
  offer(event) {
    if (this.#control === "sideband" || !isRelayed(event.type)) return;
    const clean = withoutAudio(event);
    if (this.#joined(clean)) return;
    this.#flush();
    if (isDelta(clean)) {
      this.#joining = clean;
      this.#timer = setTimeout(() => this.#flush(), JOIN_MS);
    } else {
      this.#keep(clean);
    }
  }

  /** @param {import("../types.js").ModelEvent} event @returns {boolean} whether it went into the waiting delta */
  #joined(event) {
    const held = this.#joining;
    if (!held || !isDelta(event) || held.type !== event.type) return false;
    if (held.item_id !== event.item_id || held.content_index !== event.content_index) return false;
    held.delta += event.delta;
    return true;
  }

  #flush() {
    clearTimeout(this.#timer);
    const held = this.#joining;
    this.#joining = null;
    if (held) this.#keep(held);
  }

  /** @param {import("../types.js").ModelEvent} event */
  #keep(event) {
    const size = JSON.stringify(event).length;
    if (size > MAX_EVENT_CHARS) {
      this.dropped += 1;
      return;
    }
    this.#seq += 1;
    this.#kept.push({ seq: this.#seq, event, size });
    this.#size += size;
    if (this.#control === "relay") this.#send({ type: "transcript", seq: this.#seq, event });
    while (this.#size > MAX_KEPT_CHARS) this.#dropOne();
  }

  /** Deltas go first: their words come again in the final event. */
  #dropOne() {
    const at = Math.max(0, this.#kept.findIndex(({ event }) => isDelta(event)));
    const [gone] = this.#kept.splice(at, 1);
    this.#size -= gone.size;
    if (!isDelta(gone.event)) this.dropped += 1;
  }

  #shift() {
    const first = this.#kept.shift();
    if (first) this.#size -= first.size;
  }

  /** Without deltas: their words come again in the final event, and a burst of them would be over the socket's rate. */
  #resend() {
    for (const { seq, event } of this.#kept) {
      if (isDelta(event)) continue;
      if (!this.#send({ type: "transcript", seq, event })) return;
    }
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#joining = null;
    this.#kept.length = 0;
    this.#size = 0;
  }
}

/** @param {import("../types.js").ModelEvent} event */
function isDelta(event) {
  return event.type.endsWith(".delta") && typeof event.delta === "string";
}
