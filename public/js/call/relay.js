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
/** The server takes 20 messages a second and bursts of 60; a long absence must not look like an attack. */
const BURST = 30;
const PER_SECOND = 15;
const PACE_MS = 250;

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
  /** @type {{seq: number, message: import("../types.js").Message, size: number}[]} in order of `seq` */
  #kept = [];
  #size = 0;
  #seq = 0;
  #acknowledged = 0;
  /** The last number that went out on this line; what comes after it is due, in order. */
  #sent = 0;
  /** Up to here events are told again, without deltas: their words come again in the final event. */
  #again = 0;
  /** @type {import("../types.js").Control} */
  #control = "pending";
  /** @type {{event: import("../types.js").ModelEvent, callId: string} | null} a delta that may still grow */
  #joining = null;
  #allowance = BURST;
  #allowedAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #joinTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #paceTimer;
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

  /** The last number that the server has stored. */
  get acknowledged() {
    return this.#acknowledged;
  }

  /**
   * The server said who records. What was kept while that was open is reported, or dropped when the server
   * heard it itself.
   * @param {import("../types.js").Control} control
   */
  setControl(control) {
    if (control === this.#control) return;
    this.#control = control;
    if (control === "relay") this.#tellAgain();
    if (control === "sideband") this.#forget();
  }

  /** The line is back; `lastSeq` is the last number the server has. @param {number} lastSeq */
  resume(lastSeq) {
    this.#seq = Math.max(this.#seq, lastSeq);
    this.acknowledge(lastSeq);
    this.#sent = this.#acknowledged;
    if (this.#control === "relay") this.#tellAgain();
  }

  /** Cumulative: everything up to `seq` is on disk. @param {number} seq */
  acknowledge(seq) {
    if (!(seq > this.#acknowledged)) return;
    this.#acknowledged = seq;
    while (this.#kept.length > 0 && this.#kept[0].seq <= seq) this.#shift();
  }

  /** @param {import("../types.js").ModelEvent} event as it came from the model @param {string} [callId] on which call */
  offer(event, callId = "") {
    if (this.#control === "sideband" || !isRelayed(event.type)) return;
    const clean = withoutAudio(event);
    if (this.#joined(clean, callId)) return;
    this.#flush();
    if (isDelta(clean)) {
      this.#joining = { event: clean, callId };
      this.#joinTimer = setTimeout(() => this.#flush(), JOIN_MS);
    } else {
      this.#keep(clean, callId);
    }
  }

  /** Nothing more is told. */
  close() {
    clearTimeout(this.#joinTimer);
    clearTimeout(this.#paceTimer);
  }

  /** @param {import("../types.js").ModelEvent} event @param {string} callId @returns {boolean} whether it went into the waiting delta */
  #joined(event, callId) {
    const held = this.#joining;
    if (!held || !isDelta(event) || held.callId !== callId || held.event.type !== event.type) return false;
    if (held.event.item_id !== event.item_id || held.event.content_index !== event.content_index) return false;
    held.event.delta += event.delta;
    return true;
  }

  #flush() {
    clearTimeout(this.#joinTimer);
    const held = this.#joining;
    this.#joining = null;
    if (held) this.#keep(held.event, held.callId);
  }

  /** @param {import("../types.js").ModelEvent} event @param {string} callId */
  #keep(event, callId) {
    const size = JSON.stringify(event).length;
    if (size > MAX_EVENT_CHARS) {
      this.dropped += 1;
      return;
    }
    this.#seq += 1;
    // Named even while it is the call in force: told again later, it may not be any more.
    const message = { type: "transcript", seq: this.#seq, event, ...(callId && { callId }) };
    this.#kept.push({ seq: this.#seq, message, size });
    this.#size += size;
    this.#pump();
    while (this.#size > MAX_KEPT_CHARS) this.#dropOne();
  }

  /** Deltas go first: their words come again in the final event. */
  #dropOne() {
    const at = Math.max(0, this.#kept.findIndex(({ message }) => isDelta(message.event)));
    const [gone] = this.#kept.splice(at, 1);
    this.#size -= gone.size;
    if (!isDelta(gone.message.event)) this.dropped += 1;
  }

  #shift() {
    const first = this.#kept.shift();
    if (first) this.#size -= first.size;
  }

  #tellAgain() {
    this.#again = this.#seq;
    this.#pump();
  }

  /** What is due goes out in order, as fast as the server takes it. */
  #pump() {
    clearTimeout(this.#paceTimer);
    if (this.#control !== "relay") return;
    for (const { seq, message } of this.#kept) {
      if (seq <= this.#sent) continue;
      if (seq > this.#again || !isDelta(message.event)) {
        if (!this.#mayTell()) {
          this.#paceTimer = setTimeout(() => this.#pump(), PACE_MS);
          return;
        }
        // A line that is down says so when it is back, and everything is told from there.
        if (!this.#send(message)) return;
        this.#allowance -= 1;
      }
      this.#sent = seq;
    }
  }

  #mayTell() {
    const now = performance.now();
    this.#allowance = Math.min(BURST, this.#allowance + ((now - this.#allowedAt) / 1_000) * PER_SECOND);
    this.#allowedAt = now;
    return this.#allowance >= 1;
  }

  #forget() {
    this.close();
    this.#joining = null;
    this.#kept.length = 0;
    this.#size = 0;
    this.#sent = this.#seq;
  }
}

/**
 * Words that come again in a final event. A fragment with its time comes once, and its time is its own.
 * @param {import("../types.js").ModelEvent} event
 */
function isDelta(event) {
  return event.type.endsWith(".delta") && typeof event.delta === "string" && event.start_ms === undefined;
}
