/** Mints a user token of the local stack, as its Auth service would after a sign-in, or a spoilt one for a test. */

import { type Claims, signEs256, signHs256 } from "./jwt.ts";
import { readMaterial } from "./material.ts";

const HOUR_S = 3600;

const USAGE = `usage: scripts/supabase-local token [--dir DIR] --sub SUBJECT [options]

  --sub SUBJECT        whom the token names; a UUID, as the platform's Auth service has it, or any other text
  --email ADDRESS      the e-mail claim
  --role ROLE          the database role (default: authenticated)
  --audience AUDIENCE  the audience (default: authenticated)
  --issuer URL         the issuer (default: this stack's <SUPABASE_URL>/auth/v1)
  --expires-in SECONDS from now on (default: 3600)
  --expired            ended an hour ago
  --no-expiry          without an end, which nothing should accept
  --legacy             signed with the legacy shared secret (HS256) in place of the ES256 key
  --claim NAME=JSON    one more claim, or another value for one above; may be repeated
`;

function fail(message: string): never {
  console.error(`scripts/supabase-local token: ${message}`);
  Deno.exit(64);
}

function number(text: string): number {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : fail(`--expires-in takes seconds, not '${text}'`);
}

function claim(text: string): [string, unknown] {
  const at = text.indexOf("=");
  if (at < 1) fail(`--claim takes NAME=JSON, not '${text}'`);
  try {
    return [text.slice(0, at), JSON.parse(text.slice(at + 1))];
  } catch {
    fail(`--claim ${text.slice(0, at)}: the value is no JSON (text needs quotes)`);
  }
}

const [dir, url, ...args] = Deno.args;
if (dir === undefined || url === undefined) fail("is run through scripts/supabase-local");
const material = await readMaterial(dir);
const now = Math.floor(Date.now() / 1000);
const claims: Claims = {
  iss: `${url}/auth/v1`,
  aud: "authenticated",
  role: "authenticated",
  iat: now,
  exp: now + HOUR_S,
  aal: "aal1",
  session_id: crypto.randomUUID(),
  is_anonymous: false,
  app_metadata: { provider: "email" },
  user_metadata: {},
};
let sign = () => signEs256(claims, material.signingKey);

while (args.length > 0) {
  const name = args.shift()!;
  const value = () => args.shift() ?? fail(`${name} takes a value`);
  switch (name) {
    case "--sub":
      claims.sub = value();
      break;
    case "--email":
      claims.email = value();
      break;
    case "--role":
      claims.role = value();
      break;
    case "--audience":
      claims.aud = value();
      break;
    case "--issuer":
      claims.iss = value();
      break;
    case "--expires-in":
      claims.exp = now + number(value());
      break;
    case "--expired":
      claims.iat = now - 2 * HOUR_S;
      claims.exp = now - HOUR_S;
      break;
    case "--no-expiry":
      delete claims.exp;
      break;
    case "--legacy":
      sign = () => signHs256(claims, material.jwtSecret);
      break;
    case "--claim": {
      const [key, json] = claim(value());
      claims[key] = json;
      break;
    }
    case "--help":
      console.log(USAGE);
      Deno.exit(0);
      break;
    default:
      fail(`unknown option ${name}; see --help`);
  }
}
if (claims.sub === undefined) fail("--sub is missing; see --help");
console.log(await sign());
