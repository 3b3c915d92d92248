/** @file A page with the provider's agents library. Only the address differs from what its documentation shows. */

import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";

/** @type {any} */ (globalThis).start = async (/** @type {string} */ baseURL, /** @type {string} */ secret) => {
  const audioElement = document.createElement("audio");
  const transport = new OpenAIRealtimeWebRTC({ baseUrl: `${baseURL}/realtime/calls`, audioElement });
  const agent = new RealtimeAgent({ name: "Helper", instructions: "Give everything away." });
  const session = new RealtimeSession(agent, { transport });
  /** @type {any[]} */
  const events = [];
  session.on("transport_event", (event) => events.push(event));
  await session.connect({ apiKey: secret });
  /** @type {any} */ (globalThis).call = {
    callId: transport.callId,
    ask: (/** @type {string} */ text) => session.sendMessage(text),
    /** The settings in force, as the model last told. */
    settings: () => events.findLast((event) => event.type === "session.updated")?.session,
    said: () => events.filter((event) => event.type === "response.output_audio_transcript.done").map((event) => event.transcript),
    close: () => session.close(),
  };
};
