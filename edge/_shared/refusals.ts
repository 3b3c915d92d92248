/** For tests: what every function refuses, whatever it does. */

import { strict as assert } from "node:assert";
import { ask, environment, type Handler, PAGE, refused, someone, type Spoilt, token } from "./fixture.ts";

const HOUR_S = 3600;

/** Tokens that nobody may believe, by name. */
function spoiltTokens(): [string, Spoilt, string][] {
  const now = Math.floor(Date.now() / 1000);
  return [
    ["an expired one", { claims: { exp: now - 1 } }, "TOKEN_EXPIRED"],
    ["one without an end", { without: "exp" }, "AUTHENTICATION_FAILED"],
    ["one of the future", { claims: { iat: now + HOUR_S } }, "AUTHENTICATION_FAILED"],
    ["one for somebody else's service", { claims: { aud: "other" } }, "AUTHENTICATION_FAILED"],
    ["one for nobody", { without: "aud" }, "AUTHENTICATION_FAILED"],
    ["another issuer's", { claims: { iss: "https://evil.example/auth/v1" } }, "AUTHENTICATION_FAILED"],
    ["one without an issuer", { without: "iss" }, "AUTHENTICATION_FAILED"],
    ["one without a person", { without: "sub" }, "AUTHENTICATION_FAILED"],
    ["one with an empty person", { claims: { sub: "" } }, "AUTHENTICATION_FAILED"],
    ["a server's", { claims: { role: "service_role" } }, "AUTHENTICATION_FAILED"],
    ["a browser's", { claims: { role: "anon" } }, "AUTHENTICATION_FAILED"],
    ["one without a role", { without: "role" }, "AUTHENTICATION_FAILED"],
    ["an anonymous person's", { claims: { is_anonymous: true } }, "AUTHENTICATION_FAILED"],
    ["one that nobody signed", { sign: "nothing" }, "AUTHENTICATION_FAILED"],
    ["one that another key signed", { sign: "another key" }, "AUTHENTICATION_FAILED"],
    ["one signed with the public key as a secret", { sign: "public key as secret" }, "AUTHENTICATION_FAILED"],
    ["one signed with another secret", { sign: "legacy with another secret" }, "AUTHENTICATION_FAILED"],
  ];
}

/** Checks the refusals that all functions share. `body` would be acceptable; `maxBytes` is the most it may have. */
export async function refusals(t: Deno.TestContext, handler: Handler, body: unknown, maxBytes: number): Promise<void> {
  const good = (await someone()).token;

  for (const [name, spoilt, code] of spoiltTokens()) {
    await t.step(`the token is ${name}`, async () => {
      await refused(await ask(handler, await token(crypto.randomUUID(), spoilt), body), 401, code);
    });
  }
  await t.step("a token is no token", async () => {
    const { publishableKey, secretKey } = environment();
    const legacyKey = Deno.env.get("SUPABASE_SERVICE_ROLE_KEY")!;
    for (
      const text of ["x", "a.b.c", `${good}x`, "", publishableKey, secretKey, legacyKey, `ek_viva_${"A".repeat(43)}`]
    ) {
      await refused(await ask(handler, text, body), 401, "AUTHENTICATION_FAILED");
    }
    const response = await ask(handler, null, body, { apikey: secretKey });
    assert.equal(response.headers.get("www-authenticate"), "Bearer");
    await refused(response, 401, "AUTHENTICATION_FAILED");
  });
  await t.step("the origin is a stranger's", async () => {
    for (
      const origin of ["https://evil.example", "null", `${PAGE}.evil.example`, `${PAGE}:8443`, "http://app.example"]
    ) {
      const response = await ask(handler, good, body, { origin });
      assert.equal(response.headers.get("access-control-allow-origin"), null);
      await refused(response, 403, "FORBIDDEN");
      // Who has no token learns nothing about origins.
      await refused(await ask(handler, null, body, { origin }), 401, "AUTHENTICATION_FAILED");
    }
  });
  await t.step("a preflight is answered for known origins only", async () => {
    const preflight = (origin: string) =>
      handler(new Request("http://functions.test/", { method: "OPTIONS", headers: { origin } }));
    const known = await preflight(PAGE);
    assert.deepEqual([known.status, known.headers.get("access-control-allow-origin")], [204, PAGE]);
    assert.ok(known.headers.get("access-control-allow-headers")?.includes("authorization"));
    await refused(await preflight("https://evil.example"), 403, "FORBIDDEN");
  });
  await t.step("the method is another", async () => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const response = await handler(new Request("http://functions.test/", { method }));
      assert.equal(response.headers.get("allow"), "POST, OPTIONS");
      await refused(response, 405, "METHOD_NOT_ALLOWED");
    }
  });
  await t.step("the body is of another type, too large, no JSON, or no object", async () => {
    const big = `{"x":"${"x".repeat(maxBytes)}"}`;
    await refused(await ask(handler, good, big, { "content-type": "text/plain" }), 415, "UNSUPPORTED_MEDIA_TYPE");
    await refused(await ask(handler, good, big), 413, "PAYLOAD_TOO_LARGE");
    for (const text of ["", "{", "{'a':1}", `{"session_id":"\ud800"}`.replace("\ud800", "\\ud800"), "[".repeat(5000)]) {
      await refused(await ask(handler, good, text), 400, "BAD_MESSAGE");
    }
    for (const text of ["[]", "null", "7", '"x"']) {
      await refused(await ask(handler, good, text), 422, "VALIDATION_FAILED");
    }
  });
  await t.step("a body without end is not read to its end", async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 65536;
        controller.enqueue(new Uint8Array(65536).fill(32));
      },
    });
    const request = new Request("http://functions.test/", {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${good}` },
      body: endless,
    });
    await refused(await handler(request), 413, "PAYLOAD_TOO_LARGE");
    assert.ok(sent < maxBytes + 4 * 65536, `${sent} bytes were taken`);
  });
  await t.step("the session's id is none, or nobody's", async () => {
    for (const id of ["x", 7, "0193f5d0-0000-7000-8000-00000000000", "0193f5d0-0000-7000-8000-000000000001\0"]) {
      await refused(await ask(handler, good, { ...body as object, session_id: id }), 422, "VALIDATION_FAILED");
    }
    const nobodys = { ...body as object, session_id: crypto.randomUUID() };
    await refused(await ask(handler, good, nobodys), 404, "NOT_FOUND");
  });
}
