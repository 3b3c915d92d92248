/**
 * Who asks: a token of the project's Auth service, checked here in full. The platform's own check would let the project's
 * public keys pass, and looks at neither issuer nor audience. Nothing that people write about themselves
 * (`user_metadata`) decides anything.
 */

import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
} from "jose";
import type { Environment } from "./environment.ts";
import { Problem } from "./problem.ts";

/** A signed-in person. */
export interface Caller {
  /** Their token, for requests that act as they. */
  token: string;
  /** Who vouches for them. */
  issuer: string;
  /** Whom the issuer means. */
  subject: string;
  /** What the issuer says of them; for showing only. */
  profile: { name?: string; email?: string; avatar_url?: string };
  /** The tenant that the token names: a wish until there is a membership. */
  tenant?: string;
}

const AUDIENCE = "authenticated";
const ROLE = "authenticated";
const PUBLISHED = ["ES256", "RS256", "EdDSA"];
const MAX_TOKEN = 8192;
const MAX_SUBJECT = 255;
const LEEWAY_S = 30;
const CONTROL = /\p{Cc}/u;

/** Checks the credentials of requests. */
export function callers(environment: Environment): (request: Request) => Promise<Caller> {
  const published = createRemoteJWKSet(new URL(`${environment.issuer}/.well-known/jwks.json`), {
    timeoutDuration: 3000,
    // An unknown key id is looked up at once, but not for each of many forged tokens.
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
  });
  const secret = environment.jwtSecret === undefined ? null : new TextEncoder().encode(environment.jwtSecret);
  const expected = { issuer: environment.issuer, audience: AUDIENCE, requiredClaims: ["exp", "sub", "aud"] };

  const publishedKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await published(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      // The set could not be fetched or read, which is nobody's token's fault.
      throw new Problem(
        "AUTH_UNAVAILABLE",
        "The token cannot be checked at the moment. Nothing is wrong with it. Try again.",
      );
    }
  };

  const verified = async (token: string): Promise<JWTPayload> => {
    const { alg } = decodeProtectedHeader(token);
    // The shared secret is for HS256 alone and published keys are never for it: neither can stand in for the other.
    if (alg === "HS256" && secret !== null) {
      return (await jwtVerify(token, secret, { ...expected, algorithms: ["HS256"] })).payload;
    }
    return (await jwtVerify(token, publishedKey, { ...expected, algorithms: PUBLISHED })).payload;
  };

  return async (request) => {
    const token = request.headers.get("authorization")?.match(/^bearer +(\S+)$/i)?.[1];
    if (token === undefined || token.length > MAX_TOKEN) {
      throw new Problem("AUTHENTICATION_FAILED", "Send `Authorization: Bearer` with the token of a signed-in person.");
    }
    try {
      return person(token, await verified(token));
    } catch (error) {
      throw refusal(error);
    }
  };
}

function person(token: string, claims: JWTPayload): Caller {
  const { sub, iss, role } = claims;
  const isPlain = typeof sub === "string" && sub !== "" && sub.length <= MAX_SUBJECT && !CONTROL.test(sub);
  // The project's keys are tokens too, with other roles; a person whom nobody knows has `is_anonymous`.
  if (!isPlain || typeof iss !== "string" || role !== ROLE || claims.is_anonymous === true) {
    throw new Problem("AUTHENTICATION_FAILED", "The token is not one of a signed-in person. Sign in again.");
  }
  if (typeof claims.iat === "number" && claims.iat > Date.now() / 1000 + LEEWAY_S) {
    throw new Problem("AUTHENTICATION_FAILED", "The token is not good yet. Sign in again.");
  }
  const named = record(claims.app_metadata).tenant_id;
  return {
    token,
    issuer: iss,
    subject: sub,
    profile: profile(claims),
    ...(typeof named === "string" ? { tenant: named } : {}),
  };
}

function profile(claims: JWTPayload): Caller["profile"] {
  const own = record(claims.user_metadata);
  const name = [claims.name, own.full_name, own.name]
    .map((value) => typeof value === "string" ? value.trim() : "")
    .find((value) => value !== "");
  const picture = [claims.picture, own.avatar_url]
    .find((value): value is string => typeof value === "string" && isPlain(value, 500) && value.startsWith("https://"));
  const { email } = claims;
  const isChecked = claims.email_verified !== false;
  return {
    ...(name === undefined ? {} : { name: [...name.replaceAll(/\p{Cc}/gu, "")].slice(0, 120).join("") }),
    ...(typeof email === "string" && isChecked && isPlain(email, 254) && email.includes("@") ? { email } : {}),
    ...(picture === undefined ? {} : { avatar_url: picture }),
  };
}

function isPlain(text: string, most: number): boolean {
  return text !== "" && text.length <= most && !CONTROL.test(text) && text.isWellFormed();
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function refusal(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof errors.JWTExpired) {
    return new Problem("TOKEN_EXPIRED", "The token has expired. Get a fresh one from your identity provider.");
  }
  return new Problem("AUTHENTICATION_FAILED", "The token is not valid here. Sign in again.");
}
