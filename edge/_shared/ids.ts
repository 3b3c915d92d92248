/** Ids and tickets, in the forms that the service gives them. */

/** A UUID of version 7 (RFC 9562 §5.7): ordered by the time it was made. */
export function uuidV7(nowMs = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(nowMs) << 16n | BigInt(bytes[6]! << 8 | bytes[7]!));
  bytes[6] = bytes[6]! & 0x0f | 0x70;
  bytes[8] = bytes[8]! & 0x3f | 0x80;
  const hex = bytes.toHex();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
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
  const value = `ek_viva_${bits.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value));
  return { value, hash: `\\x${new Uint8Array(digest).toHex()}` };
}
