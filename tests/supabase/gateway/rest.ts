/** `/rest/v1`: what the platform's key gateway does in front of PostgREST. It decides no right: the database does. */

import type { Material } from "./material.ts";

/** Headers that belong to one hop, or that PostgREST must not see. */
const NOT_FORWARDED = ["host", "connection", "apikey", "authorization", "content-length", "transfer-encoding"];

/** Hosted projects refuse a secret key that seems to come out of a browser. */
const BROWSER = /mozilla\//i;

function refuse(message: string, hint: string): Response {
  return Response.json({ message, hint }, { status: 401 });
}

function bearerOf(headers: Headers): string | null {
  return headers.get("authorization")?.match(/^bearer\s+(\S+)$/i)?.[1] ?? null;
}

/** Answers requests below `/rest/v1` by asking PostgREST at `upstream`. */
export function restHandler(upstream: string, material: Material): (request: Request) => Promise<Response> {
  // An opaque key stands for a role; PostgREST knows roles from tokens only.
  const tokens = new Map([
    [material.publishableKey, material.anonKey],
    [material.anonKey, material.anonKey],
    [material.secretKey, material.serviceRoleKey],
    [material.serviceRoleKey, material.serviceRoleKey],
  ]);

  return async (request) => {
    const url = new URL(request.url);
    const key = request.headers.get("apikey");
    if (key === null) return refuse("No API key found in request", "No `apikey` request header was found.");
    const roleToken = tokens.get(key);
    if (roleToken === undefined) return refuse("Invalid API key", "Double check your API key.");
    const isSecret = roleToken === material.serviceRoleKey;
    if (isSecret && BROWSER.test(request.headers.get("user-agent") ?? "")) {
      return refuse("Forbidden use of secret API key in browser", "Secret API keys belong on servers.");
    }

    const headers = new Headers(request.headers);
    for (const name of NOT_FORWARDED) headers.delete(name);
    const bearer = bearerOf(request.headers);
    const isKey = bearer === null || tokens.has(bearer);
    headers.set("authorization", `Bearer ${isKey ? tokens.get(bearer ?? key) : bearer}`);

    const target = `${upstream}${url.pathname.slice("/rest/v1".length) || "/"}${url.search}`;
    try {
      return await fetch(target, { method: request.method, headers, body: request.body, redirect: "manual" });
    } catch {
      return Response.json({ message: "PostgREST does not answer" }, { status: 503 });
    }
  };
}
