/** @file The provider's library for servers (Node): secrets, calls, a sideband and hang-up, by changing the address only. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { MODEL, OFFER, SELLS, Shop } from "./shop.js";

describe("the provider's library on a server", () => {
  /** @type {Shop} */
  let shop;
  /** @type {OpenAI} */
  let client;

  before(async () => {
    shop = await Shop.open();
    client = new OpenAI({ apiKey: shop.key, baseURL: shop.baseURL, maxRetries: 0 });
  });
  after(async () => shop?.close());

  /** @param {Response} answer */
  const idOf = (answer) => /** @type {string} */ (answer.headers.get("location")?.split("/").pop());

  /**
   * The library insists on TLS, which stands in front of a deployment and not of a test: the bytes go the plain way.
   * @param {string} callID @param {OpenAI} [as]
   */
  function sideband(callID, as = client) {
    const options = /** @type {any} */ ({ createConnection: () => connect(shop.viva.port, "127.0.0.1") });
    const socket = new OpenAIRealtimeWS({ callID, options }, as);
    // Whoever waits for one looks at the socket itself.
    socket.on("error", () => {});
    return socket;
  }
  /** @param {OpenAIRealtimeWS} socket @returns {Promise<number>} the status that it was refused with */
  const refused = async (socket) => /** @type {any} */ (await once(socket.socket, "unexpected-response"))[1].statusCode;

  it("creates a call, talks over its sideband, and hangs up", async () => {
    const answer = await client.realtime.calls.create({ sdp: OFFER, session: { type: "realtime", model: MODEL, instructions: SELLS } });
    assert.equal(answer.status, 201);
    assert.match(await answer.text(), /^v=0\r\n/);
    const id = idOf(answer);
    const socket = sideband(id);
    await once(socket.socket, "open");
    socket.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text: "Good day." }] } });
    const done = new Promise((tell) => socket.on("response.done", tell));
    socket.send({ type: "response.create" });
    assert.equal(/** @type {any} */ (await done).response.status, "completed");
    const closed = once(socket.socket, "close");
    await client.realtime.calls.hangup(id);
    const [code] = await closed;
    assert.equal(code, 1000, "the call's end is the socket's");
    const { session, turns } = await shop.ended();
    assert.equal(session.ended_by, "user_end");
    assert.ok(turns.some((turn) => turn.text === "Good day."));
    await assert.rejects(client.realtime.calls.hangup(id), { status: 404, code: "call_id_not_found" });
    assert.equal(await refused(sideband(id)), 404);
  });

  it("mints a secret that starts one call as it was minted, for as long as it was to live", async () => {
    const minted = await client.realtime.clientSecrets.create({
      expires_after: { anchor: "created_at", seconds: 60 },
      session: { type: "realtime", model: MODEL, instructions: SELLS, audio: { output: { voice: "ash" } } },
    });
    assert.match(minted.value, /^ek_viva_/);
    assert.ok(Math.abs(minted.expires_at - Date.now() / 1_000 - 60) < 5);
    const session = /** @type {any} */ (minted.session);
    assert.deepEqual([session.type, session.model, session.instructions, session.audio.output.voice], ["realtime", MODEL, SELLS, "ash"]);
    const visitor = new OpenAI({ apiKey: minted.value, baseURL: shop.baseURL, maxRetries: 0 });
    const answer = await visitor.realtime.calls.create({ sdp: OFFER });
    assert.equal(answer.status, 201);
    await assert.rejects(visitor.realtime.calls.create({ sdp: OFFER }), { status: 409 });
    await assert.rejects(visitor.realtime.clientSecrets.create({}), { status: 403 });
    const own = sideband(idOf(answer), visitor);
    await once(own.socket, "open");
    own.close();
    const { value } = await client.realtime.clientSecrets.create({});
    const other = new OpenAI({ apiKey: value, baseURL: shop.baseURL, maxRetries: 0 });
    assert.equal(await refused(sideband(idOf(answer), other)), 404, "somebody else's call");
    await assert.rejects(other.realtime.calls.hangup(idOf(answer)), { status: 404 });
    await visitor.realtime.calls.hangup(idOf(answer));
    await shop.ended();
  });

  it("is told what is wrong in its own words", async () => {
    const nobody = new OpenAI({ apiKey: "sk-nobody", baseURL: shop.baseURL, maxRetries: 0 });
    await assert.rejects(nobody.realtime.calls.create({ sdp: OFFER }), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError && error.requestID);
      return true;
    });
    const dearer = /** @type {any} */ ({ type: "realtime", model: "gpt-of-tomorrow" });
    await assert.rejects(client.realtime.clientSecrets.create({ session: dearer }), { status: 400, param: "session.model", code: "invalid_value" });
    await assert.rejects(client.realtime.calls.create({ sdp: OFFER, session: dearer }), { status: 400, param: "session.model" });
    await assert.rejects(client.realtime.calls.create({ sdp: "v=0\n" }), { status: 400, code: "invalid_offer", param: "sdp" });
    const seconds = { anchor: /** @type {const} */ ("created_at"), seconds: 7_201 };
    await assert.rejects(client.realtime.clientSecrets.create({ expires_after: seconds }), { status: 400, param: "expires_after.seconds" });
  });
});
