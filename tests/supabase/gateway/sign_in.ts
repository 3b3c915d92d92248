/**
 * Signing in with PKCE, as the Auth service does it, except that nobody is sent to Google: a page asks who they want to
 * be. Whoever reaches this address can be anybody here, which is why the gateway listens on loopback only.
 */

import { signEs256 } from "./jwt.ts";
import type { Material } from "./material.ts";

const TOKEN_S = 3600;
const FLOW_MS = 5 * 60_000;
/** Flows and refresh tokens that are remembered; the oldest is forgotten. */
const REMEMBERED = 1000;
const CHALLENGE = /^[A-Za-z0-9._~-]{43,128}$/;

interface Flow {
  email: string;
  challenge: string;
  method: string;
  until: number;
}

/** The sign-ins of one stack. */
export class SignIns {
  #issuer: string;
  #siteUrl: string;
  #material: Material;
  #flows = new Map<string, Flow>();
  #refreshTokens = new Map<string, string>();

  constructor(issuer: string, siteUrl: string, material: Material) {
    this.#issuer = issuer;
    this.#siteUrl = siteUrl;
    this.#material = material;
  }

  /** `GET /authorize`: the page, and with `email` in the query what follows it. */
  authorize(url: URL): Response {
    const given = url.searchParams;
    const [challenge, method] = [given.get("code_challenge"), given.get("code_challenge_method")];
    if (challenge === null || !CHALLENGE.test(challenge) || !/^(s256|plain)$/i.test(method ?? "")) {
      return failed(400, "validation_failed", "PKCE needs code_challenge and code_challenge_method");
    }
    const email = given.get("email");
    if (email === null) return new Response(page(url), { headers: { "content-type": "text/html; charset=utf-8" } });
    const back = new URL(this.#allowed(given.get("redirect_to")));
    const code = crypto.randomUUID();
    remember(this.#flows, code, { email, challenge, method: method!.toLowerCase(), until: Date.now() + FLOW_MS });
    back.searchParams.set("code", code);
    return new Response(null, { status: 302, headers: { location: back.href } });
  }

  /** `POST /token`: a code, or a refresh token, for a session. */
  async token(url: URL, request: Request): Promise<Response> {
    const body = await request.json().catch(() => ({}));
    switch (url.searchParams.get("grant_type")) {
      case "pkce": {
        const flow = this.#flows.get(body.auth_code);
        if (flow === undefined) {
          return failed(404, "flow_state_not_found", "invalid flow state, no valid flow state found");
        }
        if (flow.until < Date.now()) {
          return failed(422, "flow_state_expired", "invalid flow state, flow state has expired");
        }
        if (await challengeOf(String(body.code_verifier), flow.method) !== flow.challenge) {
          return failed(400, "bad_code_verifier", "code challenge does not match previously saved code verifier");
        }
        this.#flows.delete(body.auth_code);
        return await this.#session(flow.email);
      }
      case "refresh_token": {
        const email = this.#refreshTokens.get(body.refresh_token);
        if (email === undefined) return failed(400, "refresh_token_not_found", "Invalid Refresh Token");
        this.#refreshTokens.delete(body.refresh_token);
        return await this.#session(email);
      }
      default:
        return failed(400, "validation_failed", "unsupported_grant_type");
    }
  }

  async #session(email: string): Promise<Response> {
    const now = Math.floor(Date.now() / 1000);
    const user = {
      id: await idOf(email),
      aud: "authenticated",
      role: "authenticated",
      email,
      app_metadata: { provider: "google", providers: ["google"] },
      user_metadata: { full_name: email.split("@")[0] },
      is_anonymous: false,
    };
    const { id, ...said } = user;
    const claims = {
      iss: this.#issuer,
      sub: id,
      iat: now,
      exp: now + TOKEN_S,
      ...said,
      session_id: crypto.randomUUID(),
    };
    const refreshToken = crypto.randomUUID();
    remember(this.#refreshTokens, refreshToken, email);
    return Response.json({
      access_token: await signEs256(claims, this.#material.signingKey),
      token_type: "bearer",
      expires_in: TOKEN_S,
      expires_at: now + TOKEN_S,
      refresh_token: refreshToken,
      user,
    });
  }

  /** An address that is not allowed is replaced in silence, as the Auth service does. */
  #allowed(redirectTo: string | null): string {
    const url = redirectTo !== null && URL.canParse(redirectTo) ? new URL(redirectTo) : null;
    return url !== null && ["127.0.0.1", "localhost"].includes(url.hostname) ? url.href : this.#siteUrl;
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= REMEMBERED) map.delete(map.keys().next().value!);
  map.set(key, value);
}

async function challengeOf(verifier: string, method: string): Promise<string> {
  if (method === "plain") return verifier;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return new Uint8Array(digest).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The same address is the same person each time: a UUID of version 8 (RFC 9562 §5.8) made of its hash. */
async function idOf(email: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(email.toLowerCase()));
  const bytes = new Uint8Array(digest).slice(0, 16);
  bytes[6] = bytes[6]! & 0x0f | 0x80;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function failed(status: number, code: string, message: string): Response {
  return Response.json({ code, message }, { status, headers: { "x-supabase-api-version": "2024-01-01" } });
}

function page(url: URL): string {
  const kept = [...url.searchParams].map(([name, value]) =>
    `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`
  );
  return `<!doctype html><html lang="en"><title>Sign in (stand-in)</title>
<form><h1>Who do you want to be?</h1>${kept.join("")}
<label>E-mail <input name="email" type="email" value="ada@example.org" required autofocus></label> <button>Sign in</button></form></html>`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
