// @ts-check
/**
 * @file The conversation as this page sees it pass on the data channel, in the order in which turns began.
 * It is not the record (the server's is): it places captions, bridges a lost socket, and is compared with the record.
 */

/** An interview has some hundred turns; beyond this the oldest are forgotten. */
const MAX_TURNS = 2_000;
/** As the store cuts turns. */
const MAX_TEXT_CHARS = 16 * 1024;

/** A shorter silence is a pause within a turn, where words are told as fragments with times. */
const PAUSE_MS = 1_200;

const TRANSCRIPTION = "conversation.item.input_audio_transcription.";

export class Seen {
  /** @type {Map<string, import("../types.js").SeenTurn>} in order of first sight */
  #turns = new Map();
  /** @type {Map<import("../types.js").Speaker, {turn: import("../types.js").SeenTurn, endMs: number}>} who was heard last */
  #voices = new Map();

  /** @returns {import("../types.js").SeenTurn[]} */
  get turns() {
    return [...this.#turns.values()];
  }

  /**
   * @param {import("../types.js").ModelEvent} event
   * @returns {import("../types.js").SeenTurn | null} the turn that this event began or changed
   */
  observe(event) {
    const { type } = event;
    if (type === "input_audio_buffer.speech_started" || type === "input_audio_buffer.committed") {
      return this.#turn(event.item_id, "candidate");
    }
    if (type === "conversation.item.added") return this.#added(event.item);
    if (type.startsWith(TRANSCRIPTION)) return this.#candidateWords(type.slice(TRANSCRIPTION.length), event);
    switch (type) {
      case "response.output_audio_transcript.delta":
      case "response.output_text.delta":
        return this.#append(event.item_id, "ai", event.delta);
      case "response.output_audio_transcript.done":
        return this.#settle(event.item_id, "ai", event.transcript);
      case "response.output_text.done":
        return this.#settle(event.item_id, "ai", event.text);
      case "conversation.item.truncated":
        return this.#interrupt(event.item_id);
      case "session.input_transcript.delta":
        return this.#fragment("candidate", event);
      case "session.output_transcript.delta":
        return this.#fragment("ai", event);
      default:
        return null;
    }
  }

  /** @param {string} kind @param {import("../types.js").ModelEvent} event */
  #candidateWords(kind, event) {
    if (kind === "delta") return this.#append(event.item_id, "candidate", event.delta);
    if (kind === "completed") return this.#settle(event.item_id, "candidate", event.transcript);
    return kind === "failed" ? this.#settle(event.item_id, "candidate", undefined) : null;
  }

  /** @param {any} item */
  #added(item) {
    // What the server puts into a renewed conversation was said before, on an earlier call.
    if (item?.type !== "message" || String(item.id).startsWith("viva_")) return null;
    if (item.role === "assistant") return this.#turn(item.id, "ai");
    return item.role === "user" ? this.#turn(item.id, "candidate") : null;
  }

  /** @param {unknown} itemId @param {import("../types.js").Speaker} speaker */
  #turn(itemId, speaker) {
    if (typeof itemId !== "string") return null;
    const known = this.#turns.get(itemId);
    if (known) return known;
    const turn = { itemId, speaker, text: "", final: false, interrupted: false };
    this.#turns.set(itemId, turn);
    if (this.#turns.size > MAX_TURNS) this.#turns.delete(this.#turns.keys().next().value ?? "");
    return turn;
  }

  /** Turns are named by their speaker and their first fragment, as in the record. @param {import("../types.js").Speaker} speaker @param {import("../types.js").ModelEvent} event */
  #fragment(speaker, event) {
    const { start_ms: startMs, end_ms: endMs } = event;
    if (typeof startMs !== "number" || typeof event.delta !== "string") return null;
    const known = this.#voices.get(speaker);
    const goesOn = known !== undefined && startMs - known.endMs < PAUSE_MS;
    if (known && !goesOn) known.turn.final = true;
    if (!goesOn && event.delta.trim() === "") return null;
    const turn = this.#append(goesOn ? known.turn.itemId : `span-${speaker}-${startMs}`, speaker, event.delta);
    if (turn) this.#voices.set(speaker, { turn, endMs: Math.max(known?.endMs ?? 0, Number(endMs) || startMs) });
    return turn;
  }

  /** @param {unknown} itemId @param {import("../types.js").Speaker} speaker @param {unknown} delta */
  #append(itemId, speaker, delta) {
    const turn = this.#turn(itemId, speaker);
    if (!turn || turn.final || typeof delta !== "string") return null;
    turn.text = (turn.text + delta).slice(0, MAX_TEXT_CHARS);
    return turn;
  }

  /** The final words replace what streamed. @param {unknown} itemId @param {import("../types.js").Speaker} speaker @param {unknown} text */
  #settle(itemId, speaker, text) {
    const turn = this.#turn(itemId, speaker);
    if (!turn) return null;
    if (typeof text === "string") turn.text = text.slice(0, MAX_TEXT_CHARS);
    turn.final = true;
    return turn;
  }

  /** @param {unknown} itemId */
  #interrupt(itemId) {
    const turn = typeof itemId === "string" ? this.#turns.get(itemId) : undefined;
    if (!turn) return null;
    turn.interrupted = true;
    return turn;
  }
}
