// @ts-check
/**
 * @file The last final events of the model, whoever records, so that a server that was killed can ask for what it
 * missed (`replay`). Memory only: a page that is loaded again has nothing to tell.
 */

import { withoutAudio } from "./relay.js";

const MAX_EVENTS = 200;
const MAX_BYTES = 256 * 1024;
/** A frame of `viva.v1` may hold 128 KiB; the rest is for the message around the events. */
const MAX_FRAME_BYTES = 96 * 1024;
/** The server asks by its own clock, and two clocks never agree: rather some events twice than one missing. */
const CLOCK_SLACK_MS = 3_000;

/** What makes turns, their order and their words; deltas come again in these. */
const FINAL = new Set([
  "input_audio_buffer.speech_started",
  "input_audio_buffer.speech_stopped",
  "input_audio_buffer.committed",
  "conversation.item.added",
  "conversation.item.created",
  "conversation.item.done",
  "conversation.item.truncated",
  "conversation.item.deleted",
  "conversation.item.input_audio_transcription.completed",
  "conversation.item.input_audio_transcription.failed",
  "response.created",
  "response.done",
  "response.output_item.added",
  "response.output_audio_transcript.done",
  "response.audio_transcript.done",
  "response.output_text.done",
  "response.text.done",
]);

const encoder = new TextEncoder();

export class Ring {
  /** @type {{at: number, event: import("../types.js").ModelEvent, bytes: number}[]} oldest first */
  #kept = [];
  #bytes = 0;

  /** @param {import("../types.js").ModelEvent} event @param {number} at Unix milliseconds, by the server's clock as far as it is known */
  add(event, at) {
    if (!FINAL.has(event.type)) return;
    const clean = withoutAudio(event);
    const bytes = encoder.encode(JSON.stringify(clean)).length;
    // What no frame can carry would only push out what one can.
    if (bytes > MAX_FRAME_BYTES) return;
    this.#kept.push({ at, event: clean, bytes });
    this.#bytes += bytes;
    while (this.#kept.length > MAX_EVENTS || this.#bytes > MAX_BYTES) this.#bytes -= this.#kept.shift()?.bytes ?? 0;
  }

  /**
   * The answer to a `replay`, in as many messages as its size needs; always at least one, since "nothing" is an answer.
   * @param {import("../types.js").Message} asked
   * @returns {import("../types.js").Message[]}
   */
  replay({ id, since }) {
    const from = (Number(since) || 0) - CLOCK_SLACK_MS;
    /** @type {import("../types.js").Message[]} */
    const messages = [{ type: "replayed", id, events: [], last: false }];
    let room = MAX_FRAME_BYTES;
    for (const { at, event, bytes } of this.#kept) {
      if (at < from) continue;
      if (bytes > room) {
        messages.push({ type: "replayed", id, events: [], last: false });
        room = MAX_FRAME_BYTES;
      }
      messages[messages.length - 1].events.push(event);
      room -= bytes + 1;
    }
    messages[messages.length - 1].last = true;
    return messages;
  }
}
