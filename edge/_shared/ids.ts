/** Ids and tickets, in the forms that the service gives them. */

// By hand: the platform's runtime lags behind and has no Uint8Array.prototype.toHex and toBase64 yet.
function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Base64url without padding (RFC 4648 §5). */
function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A UUID of version 7 (RFC 9562 §5.7): ordered by the time it was made. */
export function uuidV7(nowMs = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(nowMs) << 16n | BigInt(bytes[6]! << 8 | bytes[7]!));
  bytes[6] = bytes[6]! & 0x0f | 0x70;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  const digits = hex(bytes);
  return [0, 8, 12, 16, 20].map((from, at, starts) => digits.slice(from, starts[at + 1])).join("-");
}

/** A ticket as it is handed out once, and the hash that is stored. */
export interface Ticket {
  /** `ek_viva_` and 256 random bits. */
  value: string;
  /** SHA-256 of it, as Postgres writes bytes: `\x` and hex. */
  hash: string;
}

/** A fresh ticket. */
export async function mintTicket(): Promise<Ticket> {
  const bits = crypto.getRandomValues(new Uint8Array(32));
  const value = `ek_viva_${base64url(bits)}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value));
  return { value, hash: `\\x${hex(new Uint8Array(digest))}` };
}
