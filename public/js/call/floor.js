// @ts-check
/** @file Who has the floor, from the model's events. Pure. */

/** @typedef {"quiet" | "you" | "thinking" | "interviewer"} Floor */

/**
 * @param {Floor} floor
 * @param {{type: string}} event
 * @returns {Floor}
 */
export function floorAfter(floor, event) {
  switch (event.type) {
    case "input_audio_buffer.speech_started":
      return "you";
    case "input_audio_buffer.speech_stopped":
      return floor === "you" ? "thinking" : floor;
    case "output_audio_buffer.started":
      return "interviewer";
    // Where both may speak at once nobody says who stops: whoever was heard last has the floor.
    case "session.input_transcript.delta":
      return "you";
    case "session.output_transcript.delta":
      return "interviewer";
    case "output_audio_buffer.stopped":
    case "output_audio_buffer.cleared":
      // After a barge-in the candidate already has the floor; the cleared buffer does not take it away.
      return floor === "interviewer" ? "quiet" : floor;
    default:
      return floor;
  }
}
