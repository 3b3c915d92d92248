/**
 * @file A stand-in for Supabase Auth with one person behind it, as far as signing in uses it: `/authorize` (PKCE; an address
 * that is not on its list leads to its own site), `/token?grant_type=pkce`, and its keys. Its page is on another site
 * than the server's, so that a browser treats the way there and back as the way between two sites.
 * Source: supabase.com/docs/guides/auth/sessions/pkce-flow.
 */

import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request as ask } from "node:http";

export const PROJECT_KEY = "sb_publishable_of-the-browser-tests";
/** What the provider behind it gives besides: none of it may be kept, or be seen by a page. */
export const PROVIDER_TOKEN = "token-of-the-provider-itself-canary";

/** Whoever signs in. */
export const ROBIN = Object.freeze({ sub: "0d5b1d2e-52a4-4c55-9b5e-6d0c1f0c8a77", name: "Robin Arch", email: "robin@example.org" });

/** @typedef {{challenge: string, redirect: string}} Given */

export class Provider {
  #server = createServer((request, response) => void this.#answer(request, response));
  #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  /** @type {Map<string, Given>} codes that were given and not used */
  #codes = new Map();
  #port = 0;
  /** @type {Map<string, Provider>} those that run, by address */
  static #running = new Map();
  /** The project that the server under test keeps its data in, if it has one: to it this is the rest of that project. */
  project = "";
  /** Callbacks that may be used, exactly. @type {Set<string>} */
  allowed = new Set();
  /** What the token endpoint was asked, as it came. @type {{code: string, verifier: string}[]} */
  exchanges = [];
  /** How browsers came. @type {URLSearchParams[]} */
  asked = [];

  static async start() {
    const provider = new Provider();
    provider.#server.listen(0, "localhost");
    await once(provider.#server, "listening");
    provider.#port = /** @type {import("node:net").AddressInfo} */ (provider.#server.address()).port;
    Provider.#running.set(provider.url, provider);
    return provider;
  }

  /** The one at this address. @param {string | undefined} url @returns {Provider | undefined} */
  static at(url) {
    return url === undefined ? undefined : Provider.#running.get(url);
  }

  /** By name, where the server under test is known by number: two sites. */
  get url() {
    return `http://localhost:${this.#port}`;
  }

  /** What the server is started with. @returns {Record<string, string>} */
  get settings() {
    return { SUPABASE_URL: this.url, SUPABASE_ANON_KEY: PROJECT_KEY };
  }

  stop() {
    Provider.#running.delete(this.url);
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
  async #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const json = (/** @type {number} */ status, /** @type {object} */ body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (pathname.startsWith("/rest/v1/") && this.project !== "") return passOn(request, response, this.project);
    if (pathname === "/auth/v1/authorize") return this.#authorize(searchParams, response);
    if (pathname === "/auth/v1/.well-known/jwks.json") return json(200, { keys: [{ ...this.#keys.publicKey.export({ format: "jwk" }), kid: "k", alg: "ES256", use: "sig" }] });
    if (pathname !== "/auth/v1/token" || searchParams.get("grant_type") !== "pkce" || request.headers.apikey !== PROJECT_KEY) return json(404, {});
    const { auth_code: code, code_verifier: verifier } = JSON.parse(await text(request));
    this.exchanges.push({ code, verifier });
    const given = this.#codes.get(code);
    this.#codes.delete(code);
    if (!given) return json(404, { code: "flow_state_not_found" });
    if (createHash("sha256").update(verifier).digest("base64url") !== given.challenge) return json(400, { code: "bad_code_verifier" });
    json(200, { access_token: this.#token(), token_type: "bearer", expires_in: 3_600, refresh_token: PROVIDER_TOKEN, provider_token: PROVIDER_TOKEN });
  }

  /** A page of its own, on which somebody says yes or no. @param {URLSearchParams} asked @param {import("node:http").ServerResponse} response */
  #authorize(asked, response) {
    this.asked.push(asked);
    const redirect = asked.get("redirect_to") ?? "";
    const back = this.allowed.has(redirect) ? redirect : `${this.url}/site`;
    const code = randomBytes(16).toString("hex");
    this.#codes.set(code, { challenge: asked.get("code_challenge") ?? "", redirect });
    const links = `<a id="yes" href="${back}?code=${code}">Go on as Robin</a> <a id="no" href="${back}?error=access_denied&error_code=access_denied">Cancel</a>`;
    response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><title>Provider</title>${links}`);
  }

  #token() {
    const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: `${this.url}/auth/v1`, sub: ROBIN.sub, aud: "authenticated", role: "authenticated", exp: now + 3_600, iat: now, email: ROBIN.email, user_metadata: { full_name: ROBIN.name }, is_anonymous: false };
    const said = `${part({ alg: "ES256", kid: "k", typ: "JWT" })}.${part(claims)}`;
    return `${said}.${createSign("sha256").update(said).sign({ key: this.#keys.privateKey, dsaEncoding: "ieee-p1363" }, "base64url")}`;
  }
}

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response @param {string} base */
function passOn(request, response, base) {
  const { host: _, ...headers } = request.headers;
  const onward = ask(`${base}${request.url}`, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.writeHead(503).end());
  request.pipe(onward);
}

/** @param {import("node:http").IncomingMessage} request @returns {Promise<string>} */
async function text(request) {
  let all = "";
  for await (const part of request) all += part;
  return all;
}
