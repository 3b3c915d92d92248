/**
 * The keys of one local stack: made once when it is created, read by everything that runs in it.
 * They are random for each stack and worth nothing outside it.
 */

import { base64url, signHs256, type SigningKey } from "./jwt.ts";

/** What a project's dashboard shows under "API keys" and "JWT keys". */
export interface Material {
  /** Opaque key for browsers; acts as `anon`. */
  publishableKey: string;
  /** Opaque key for servers; acts as `service_role`. */
  secretKey: string;
  /** Legacy key for browsers: an HS256 token with the role `anon`. */
  anonKey: string;
  /** Legacy key for servers: an HS256 token with the role `service_role`. */
  serviceRoleKey: string;
  /** The legacy shared secret. */
  jwtSecret: string;
  /** Signs user tokens. */
  signingKey: SigningKey;
  /** Password of the schema's owner. */
  ownerPassword: string;
  /** Password of PostgREST's login role. */
  authenticatorPassword: string;
}

const TEN_YEARS_S = 10 * 365 * 24 * 3600;

function random(bytes: number): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** Fresh keys. */
export async function makeMaterial(): Promise<Material> {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const jwtSecret = random(36);
  const now = Math.floor(Date.now() / 1000);
  const legacy = (role: string) =>
    signHs256({ iss: "supabase", ref: "local", role, iat: now, exp: now + TEN_YEARS_S }, jwtSecret);
  return {
    publishableKey: `sb_publishable_${random(24)}`,
    secretKey: `sb_secret_${random(24)}`,
    anonKey: await legacy("anon"),
    serviceRoleKey: await legacy("service_role"),
    jwtSecret,
    signingKey: { ...jwk, kid: crypto.randomUUID(), alg: "ES256", use: "sig", key_ops: ["sign"] },
    ownerPassword: random(18),
    authenticatorPassword: random(18),
  };
}

/** The public half of the signing key. */
export function publicKey(material: Material): JsonWebKey & { kid: string } {
  const { kid, crv, x, y } = material.signingKey;
  return { kty: "EC", kid, alg: "ES256", use: "sig", key_ops: ["verify"], crv: crv!, x: x!, y: y! };
}

/** Reads the material of the stack in `dir`. */
export async function readMaterial(dir: string): Promise<Material> {
  return JSON.parse(await Deno.readTextFile(`${dir}/material.json`));
}

if (import.meta.main) {
  const [dir] = Deno.args;
  if (dir === undefined) throw new Error("usage: material.ts DIR");
  const material = await makeMaterial();
  const legacySecret = { kty: "oct", alg: "HS256", k: base64url(new TextEncoder().encode(material.jwtSecret)) };
  const secretly = { mode: 0o600 };
  await Deno.writeTextFile(`${dir}/material.json`, JSON.stringify(material, null, 2), secretly);
  await Deno.writeTextFile(`${dir}/signing-key.json`, JSON.stringify(material.signingKey), secretly);
  // What PostgREST trusts: user tokens, and the legacy keys beside them.
  await Deno.writeTextFile(`${dir}/jwks.json`, JSON.stringify({ keys: [publicKey(material), legacySecret] }), secretly);
  // For the shell script, which reads no JSON.
  const lines = {
    SUPABASE_PUBLISHABLE_KEY: material.publishableKey,
    SUPABASE_SECRET_KEY: material.secretKey,
    SUPABASE_ANON_KEY: material.anonKey,
    SUPABASE_SERVICE_ROLE_KEY: material.serviceRoleKey,
    SUPABASE_JWT_SECRET: material.jwtSecret,
    SUPABASE_SIGNING_KEY_FILE: `${dir}/signing-key.json`,
  };
  const env = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`).join("");
  await Deno.writeTextFile(`${dir}/keys.env`, env, secretly);
  console.log(`${material.ownerPassword} ${material.authenticatorPassword}`);
}
