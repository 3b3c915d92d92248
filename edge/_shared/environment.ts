/** What a function is told by the project it runs in. Read once, at the start; a function with a fault does not start. */

/** Settings of a function. */
export interface Environment {
  /** The project's address, without a slash at the end. */
  url: string;
  /** Acts as the service: past row-level security, so only ever after the caller's rights are known. */
  secretKey: string;
  /** Names the project in requests that act as the caller. */
  publishableKey: string;
  /** Who signs the tokens that are believed. */
  issuer: string;
  /** The project's legacy shared secret, while it still signs with it. */
  jwtSecret?: string;
  /** Origins of pages that may ask. */
  allowedOrigins: ReadonlySet<string>;
  /** The address of the Viva that holds the calls. */
  publicUrl: string;
  /** Model that a new interview names; a call is made with what its server is set up for. */
  model: string;
  /** Voice of a new interview that asks for none. */
  voice: string;
}

/** A key under either name: the platform's new ones come as a JSON object of names and keys. */
function key(get: Get, several: string, one: string, legacy: string): string | undefined {
  const text = get(several);
  if (text !== undefined) {
    try {
      const keys: unknown = JSON.parse(text);
      const named = (keys as Record<string, unknown>).default ?? Object.values(keys as object)[0];
      if (typeof named === "string") return named;
    } catch {
      // Told below: nothing usable was found.
    }
  }
  return get(one) ?? get(legacy);
}

type Get = (name: string) => string | undefined;

/** An origin or address in its one canonical spelling; `null` for anything with a path, query or credentials. */
function origin(text: string): string | null {
  try {
    const url = new URL(text);
    const isPlain = url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
    return isPlain && (url.protocol === "https:" || url.protocol === "http:") ? url.origin : null;
  } catch {
    return null;
  }
}

/**
 * Reads the settings.
 * @throws every fault at once, one line each
 */
export function readEnvironment(get: Get): Environment {
  const faults: string[] = [];
  const needed = <T>(value: T | null | undefined, fault: string): T => {
    if (value === null || value === undefined) faults.push(fault);
    return value as T;
  };
  const url = needed(origin(get("SUPABASE_URL") ?? ""), "SUPABASE_URL is missing or no address");
  const secretKey = needed(
    key(get, "SUPABASE_SECRET_KEYS", "SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
    "SUPABASE_SECRET_KEYS is missing",
  );
  const publishableKey = needed(
    key(get, "SUPABASE_PUBLISHABLE_KEYS", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"),
    "SUPABASE_PUBLISHABLE_KEYS is missing",
  );
  const publicUrl = needed(
    origin(get("PUBLIC_URL") ?? ""),
    "PUBLIC_URL is missing: set it to Viva's address, e.g. `supabase secrets set PUBLIC_URL=https://viva.example`",
  );
  const listed = (get("ALLOWED_ORIGINS") ?? "").split(",").map((text) => text.trim()).filter((text) => text !== "");
  const allowedOrigins = new Set<string>();
  for (const text of listed) {
    const exact = origin(text);
    if (exact === null || text.includes("*")) {
      faults.push(`ALLOWED_ORIGINS: '${text}' is no origin such as https://app.example`);
    } else allowedOrigins.add(exact);
  }
  if (faults.length > 0) throw new Error(faults.join("\n"));
  // Viva's own pages may always ask.
  allowedOrigins.add(publicUrl);
  const jwtSecret = get("JWT_SECRET");
  return {
    url,
    secretKey,
    publishableKey,
    issuer: get("JWT_ISSUER") ?? `${url}/auth/v1`,
    ...(jwtSecret === undefined ? {} : { jwtSecret }),
    allowedOrigins,
    publicUrl,
    model: get("OPENAI_REALTIME_MODEL") ?? "gpt-realtime-2.1",
    voice: get("OPENAI_VOICE") ?? "marin",
  };
}
