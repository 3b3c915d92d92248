/**
 * The gateway of the local stack: the one address that a hosted project has, in front of PostgREST, a stand-in for the
 * Auth service, and the edge functions. `scripts/supabase-local` starts it; it listens on loopback only.
 */

import { authHandler } from "./auth.ts";
import { Functions } from "./functions.ts";
import { readMaterial } from "./material.ts";
import { restHandler } from "./rest.ts";

/** What the functions may be told from outside; everything else of the environment stays here. */
const PASSED_ON = ["ALLOWED_ORIGINS", "DENO_DIR", "HOME", "PATH"];

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, HEAD, POST, PATCH, PUT, DELETE",
  "access-control-allow-headers": "apikey, authorization, content-type, prefer, x-client-info, accept-profile",
};

const [dir, portText, postgrest, edge] = Deno.args;
if (dir === undefined || portText === undefined || postgrest === undefined || edge === undefined) {
  throw new Error("usage: main.ts DIR PORT POSTGREST_URL EDGE_FOLDER");
}
const port = Number(portText);
const base = `http://127.0.0.1:${port}`;
const material = await readMaterial(dir);
const rest = restHandler(postgrest, material);
const viva = Deno.env.get("PUBLIC_URL") ?? "http://127.0.0.1:8080";
const auth = authHandler(`${base}/auth/v1`, viva, material);

const passed = PASSED_ON.flatMap((name) => {
  const value = Deno.env.get(name);
  return value === undefined ? [] : [[name, value]];
});
const functions = new Functions({
  deno: Deno.execPath(),
  folder: edge,
  dir,
  // The names that a hosted project gives its functions.
  env: {
    ...Object.fromEntries(passed),
    PUBLIC_URL: viva,
    JWT_SECRET: material.jwtSecret,
    SUPABASE_URL: base,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: material.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: material.secretKey }),
    SUPABASE_ANON_KEY: material.anonKey,
    SUPABASE_SERVICE_ROLE_KEY: material.serviceRoleKey,
  },
});

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  // A function answers for its own origins, also to a preflight.
  if (pathname.startsWith("/functions/v1/")) return functions.handle(request);
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: CORS });
  if (pathname.startsWith("/auth/v1/")) return withCors(await auth(request));
  if (pathname === "/rest/v1" || pathname.startsWith("/rest/v1/")) return withCors(await rest(request));
  if (pathname === "/health") return Response.json({ name: "supabase-local" });
  return Response.json({ message: "no Route matched with those values" }, { status: 404 });
}

function withCors(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-expose-headers", "content-range, content-location");
  return new Response(response.body, { status: response.status, headers });
}

const server = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => console.log(`listening on ${base}`) }, handle);
Deno.addSignalListener("SIGTERM", () => {
  functions.stop();
  server.shutdown().finally(() => Deno.exit(0));
  // A connection that somebody keeps open must not keep the stack up.
  setTimeout(() => Deno.exit(0), 1000);
});
