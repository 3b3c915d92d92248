/** `/auth/v1`: the part of the Auth service that Viva meets: its public key, signing in, and whom a token names. */

import { readClaims } from "./jwt.ts";
import { type Material, publicKey } from "./material.ts";
import { SignIns } from "./sign_in.ts";

/** Answers requests below `/auth/v1` for the issuer `issuer`; `siteUrl` is where a sign-in ends that names no place of ours. */
export function authHandler(
  issuer: string,
  siteUrl: string,
  material: Material,
): (request: Request) => Promise<Response> {
  const signIns = new SignIns(issuer, siteUrl, material);
  const jwks = { keys: [publicKey(material)] };
  const discovery = { issuer, jwks_uri: `${issuer}/.well-known/jwks.json`, subject_types_supported: ["public"] };
  return async (request) => {
    const url = new URL(request.url);
    switch (url.pathname.slice("/auth/v1".length)) {
      case "/authorize":
        return signIns.authorize(url);
      case "/token":
        return await signIns.token(url, request);
      case "/logout":
        return new Response(null, { status: 204 });
      case "/.well-known/jwks.json":
        return Response.json(jwks, { headers: { "cache-control": "public, max-age=600" } });
      case "/.well-known/openid-configuration":
        return Response.json(discovery);
      case "/health":
        return Response.json({ name: "auth stand-in", version: "local" });
      case "/user":
        return await user(request, material);
      default:
        return Response.json({ code: "not_found", message: "The stand-in does not have this." }, { status: 404 });
    }
  };
}

async function user(request: Request, material: Material): Promise<Response> {
  const token = request.headers.get("authorization")?.match(/^bearer\s+(\S+)$/i)?.[1];
  if (token === undefined || !await isOurs(token, material)) {
    return Response.json({ code: "bad_jwt", message: "invalid JWT" }, { status: 401 });
  }
  const { sub, email, role, aud, app_metadata, user_metadata } = readClaims(token)!;
  return Response.json({ id: sub, email, role, aud, app_metadata, user_metadata });
}

async function isOurs(token: string, material: Material): Promise<boolean> {
  const [header, payload, signature] = token.split(".");
  if (header === undefined || payload === undefined || signature === undefined) return false;
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", publicKey(material), curve, false, ["verify"]);
  let raw: Uint8Array<ArrayBuffer>;
  try {
    raw = Uint8Array.fromBase64(signature, { alphabet: "base64url" });
  } catch {
    return false;
  }
  const signed = new TextEncoder().encode(`${header}.${payload}`);
  if (!await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, raw, signed)) return false;
  const exp = readClaims(token)?.exp;
  return typeof exp === "number" && exp > Date.now() / 1000;
}
