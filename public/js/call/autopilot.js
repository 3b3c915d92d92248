// @ts-check
/**
 * @file The dead-man switch: the server decides when the model answers, and this keeps the call alive when it does
 * not. Every reply asked for here carries `metadata.viva = "autopilot"`, so the server can tell it from tampering.
 */

/** A server that is well answers within some hundred milliseconds; this is long past a slow one. */
const PATIENCE_MS = 2_500;
/** After this many answers in a row without the server, the model is told to answer by itself. */
const HAND_OVER_AFTER = 2;

export class Autopilot {
  #write;
  #serverReachable;
  #responding = false;
  #owed = false;
  #inARow = 0;
  #handedOver = false;
  #enabled = true;
  /** @type {Record<string, unknown> | null} the model's own account of its turn detection */
  #turnDetection = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {(event: import("../types.js").ModelEvent) => boolean} write
   * @param {() => boolean} serverReachable whether `/ws` is up
   */
  constructor(write, serverReachable) {
    this.#write = write;
    this.#serverReachable = serverReachable;
  }

  /** @param {import("../types.js").ModelEvent} event as it came from the model */
  observe(event) {
    switch (event.type) {
      case "session.created":
      case "session.updated":
        this.#turnDetection = event.session?.audio?.input?.turn_detection ?? this.#turnDetection;
        break;
      case "input_audio_buffer.speech_started":
        // The candidate goes on: the next `committed` asks again.
        this.#owed = false;
        this.#rest();
        break;
      case "input_audio_buffer.committed":
        this.#owed = true;
        if (!this.#responding) this.#wait();
        break;
      case "response.created":
        this.#responding = true;
        this.#owed = false;
        if (event.response?.metadata?.viva !== "autopilot") this.#inARow = 0;
        this.#rest();
        break;
      case "response.done":
        this.#responding = false;
        if (this.#owed) this.#wait();
        break;
    }
  }

  /** The server is back in charge: it sets the gate again itself. */
  serverIsBack() {
    this.#inARow = 0;
    this.#handedOver = false;
  }

  /** The interview is closing, or the server asked for quiet. */
  stop() {
    this.#enabled = false;
    this.#rest();
  }

  #wait() {
    this.#rest();
    if (this.#enabled) this.#timer = setTimeout(() => this.#answer(), PATIENCE_MS);
  }

  #rest() {
    clearTimeout(this.#timer);
  }

  #answer() {
    if (!this.#enabled || !this.#owed || this.#responding) return;
    if (!this.#write({ type: "response.create", response: { metadata: { viva: "autopilot" } } })) return;
    this.#inARow += 1;
    if (!this.#handedOver && (this.#inARow >= HAND_OVER_AFTER || !this.#serverReachable())) this.#handOver();
  }

  #handOver() {
    // The whole object, because the model replaces it as a whole.
    const turnDetection = { type: "server_vad", interrupt_response: true, ...this.#turnDetection, create_response: true };
    this.#handedOver = this.#write({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection: turnDetection } } },
    });
  }
}
