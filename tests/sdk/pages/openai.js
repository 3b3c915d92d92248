/** @file A page with the provider's general library: its WebRTC part and its HTTP client. Only the address differs. */

import OpenAI from "openai";
import { OpenAIRealtimeWebRTC } from "openai/realtime/webrtc";

/** @type {any} */ (globalThis).start = async (/** @type {string} */ baseURL, /** @type {string} */ secret) => {
  const client = new OpenAI({ apiKey: secret, baseURL, dangerouslyAllowBrowser: true });
  const connection = new OpenAIRealtimeWebRTC();
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  for (const track of microphone.getTracks()) connection.peerConnection.addTrack(track, microphone);
  /** @type {any[]} */
  const events = [];
  connection.onEvent((event) => events.push(event));
  /** @type {string | undefined} */
  let callId;
  await connection.connect({
    exchangeSdp: async (sdp, { signal }) => {
      const answer = await client.realtime.calls.create({ sdp }, { signal });
      callId = answer.headers.get("location")?.split("/").pop();
      return answer.text();
    },
  });
  /** @type {any} */ (globalThis).call = {
    callId,
    ask: (/** @type {string} */ text) => {
      connection.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
      connection.send({ type: "response.create" });
    },
    update: (/** @type {any} */ session) => connection.send({ type: "session.update", session }),
    settings: () => events.findLast((event) => event.type === "session.updated")?.session,
    said: () => events.filter((event) => event.type === "response.output_audio_transcript.done").map((event) => event.transcript),
    hangUp: () => client.realtime.calls.hangup(/** @type {string} */ (callId)).then(() => true),
    state: () => connection.state,
  };
};
