import { strict as assert } from "node:assert";
import { readClaims } from "./jwt.ts";
import { makeMaterial } from "./material.ts";
import { restHandler } from "./rest.ts";
import { SignIns } from "./sign_in.ts";

const material = await makeMaterial();
const ISSUER = "http://127.0.0.1:1/auth/v1";

Deno.test("a key stands for its role, and only where the platform takes it", async () => {
  const seen: string[] = [];
  const postgrest = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const token = request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
    seen.push(`${new URL(request.url).pathname} ${readClaims(token)?.role ?? token} ${request.headers.get("apikey")}`);
    return new Response("[]");
  });
  const rest = restHandler(`http://127.0.0.1:${postgrest.addr.port}`, material);
  const ask = async (headers: Record<string, string>) =>
    (await rest(new Request("http://gateway/rest/v1/tenants?x=1", { headers }))).status;
  const { secretKey, publishableKey, serviceRoleKey } = material;
  assert.equal(await ask({}), 401);
  assert.equal(await ask({ apikey: "sb_secret_other" }), 401);
  assert.equal(await ask({ apikey: secretKey, "user-agent": "Mozilla/5.0" }), 401);
  assert.deepEqual(seen, []);
  assert.equal(await ask({ apikey: secretKey }), 200);
  assert.equal(await ask({ apikey: publishableKey, "user-agent": "Mozilla/5.0" }), 200);
  assert.equal(await ask({ apikey: serviceRoleKey, authorization: `Bearer ${serviceRoleKey}` }), 200);
  assert.equal(await ask({ apikey: publishableKey, authorization: "Bearer somebody" }), 200);
  assert.deepEqual(seen, [
    "/tenants service_role null",
    "/tenants anon null",
    "/tenants service_role null",
    "/tenants somebody null",
  ]);
  await postgrest.shutdown();
  assert.equal(await ask({ apikey: secretKey }), 503);
});

Deno.test("a sign-in is finished once, and only by whoever began it", async () => {
  const signIns = new SignIns(ISSUER, "http://127.0.0.1:8080/", material);
  const verifier = "v".repeat(43);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const challenge = digest.toBase64({ alphabet: "base64url", omitPadding: true });
  const begin = (changes: Record<string, string>) => {
    const query = { code_challenge: challenge, code_challenge_method: "s256", email: "ada@example.org", ...changes };
    return signIns.authorize(new URL(`${ISSUER}/authorize?${new URLSearchParams(query)}`));
  };
  const finish = (grant: string, body: unknown) => {
    const url = new URL(`${ISSUER}/token?grant_type=${grant}`);
    return signIns.token(url, new Request(url, { method: "POST", body: JSON.stringify(body) }));
  };
  assert.equal(begin({ code_challenge: "short" }).status, 400);
  // Elsewhere is not refused: it is replaced.
  const elsewhere = begin({ redirect_to: "https://evil.example/" }).headers.get("location")!;
  assert.ok(elsewhere.startsWith("http://127.0.0.1:8080/?code="), elsewhere);

  const back = new URL(begin({ redirect_to: "http://127.0.0.1:9/auth/callback" }).headers.get("location")!);
  assert.equal(back.origin + back.pathname, "http://127.0.0.1:9/auth/callback");
  const code = back.searchParams.get("code");
  assert.equal((await finish("pkce", { auth_code: code, code_verifier: "w".repeat(43) })).status, 400);
  const session = await (await finish("pkce", { auth_code: code, code_verifier: verifier })).json();
  assert.equal((await finish("pkce", { auth_code: code, code_verifier: verifier })).status, 404);
  const claims = readClaims(session.access_token)!;
  assert.deepEqual([claims.iss, claims.role, claims.email], [ISSUER, "authenticated", "ada@example.org"]);
  assert.match(String(claims.sub), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

  const renewed = await (await finish("refresh_token", { refresh_token: session.refresh_token })).json();
  assert.equal(readClaims(renewed.access_token)?.sub, claims.sub);
  assert.equal((await finish("refresh_token", { refresh_token: session.refresh_token })).status, 400);
});
