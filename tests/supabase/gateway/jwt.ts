/**
 * JSON web tokens of the local stack: signs what the platform's Auth service and key gateway would sign.
 * It verifies nothing for anybody; whoever takes a token checks it with its own means.
 */

/** Claims of a token. Times are in seconds since 1970, as RFC 7519 has them. */
export type Claims = Record<string, unknown>;

/** A private P-256 key with its id, as the platform's `gen signing-key` writes it. */
export interface SigningKey extends JsonWebKey {
  kid: string;
}

const encoder = new TextEncoder();

/** Base64url without padding (RFC 4648 §5). */
export function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function signingInput(header: Claims, claims: Claims): string {
  return [header, claims].map((part) => base64url(encoder.encode(JSON.stringify(part)))).join(".");
}

/** Signs with the stack's private key (ES256), as the Auth service signs user tokens. */
export async function signEs256(claims: Claims, jwk: SigningKey): Promise<string> {
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", jwk, curve, false, ["sign"]);
  const input = signingInput({ alg: "ES256", typ: "JWT", kid: jwk.kid }, claims);
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, encoder.encode(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

/** Signs with the legacy shared secret (HS256). */
export async function signHs256(claims: Claims, secret: string): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), hmac, false, ["sign"]);
  const input = signingInput({ alg: "HS256", typ: "JWT" }, claims);
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(input));
  return `${input}.${base64url(new Uint8Array(signature))}`;
}

/** A token's claims, unverified; `null` if it is no token. */
export function readClaims(token: string): Claims | null {
  try {
    const payload = token.split(".")[1];
    if (payload === undefined) return null;
    const bytes = Uint8Array.fromBase64(payload, { alphabet: "base64url" });
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? claims as Claims : null;
  } catch {
    return null;
  }
}
