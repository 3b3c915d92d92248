/**
 * `/functions/v1`: runs each edge function in a process of its own, started by its first request, as the platform
 * does. Tokens pass unchecked: the functions are deployed with `verify_jwt = false` and check for themselves.
 */

/** How long a function may take to start: a cold cache on a busy machine. */
const START_WITHIN_MS = 20_000;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;

/** Where the functions are and what they are given. */
export interface FunctionsSetup {
  /** The Deno that runs them. */
  deno: string;
  /** The folder with one folder for each function. */
  folder: string;
  /** Where the pids and logs go. */
  dir: string;
  /** Environment of every function; nothing else is inherited. */
  env: Record<string, string>;
}

/** The running functions. */
export class Functions {
  #setup: FunctionsSetup;
  #running = new Map<string, Promise<string>>();
  #children = new Map<string, Deno.ChildProcess>();

  constructor(setup: FunctionsSetup) {
    this.#setup = setup;
  }

  /** Hands a request below `/functions/v1/<name>` to that function. */
  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, name = "", rest = ""] = url.pathname.match(/^\/functions\/v1\/([^/]*)(.*)$/) ?? [];
    if (!NAME.test(name) || !await exists(`${this.#setup.folder}/${name}/index.ts`)) {
      return Response.json({ code: "NOT_FOUND", message: "Requested function was not found" }, { status: 404 });
    }
    let base: string;
    try {
      base = await this.#start(name);
    } catch (error) {
      console.error(`function ${name}:`, error instanceof Error ? error.message : error);
      const message = `Function failed to start, see ${this.#setup.dir}/function-${name}.log`;
      return Response.json({ code: "BOOT_ERROR", message }, { status: 503 });
    }
    const headers = new Headers(request.headers);
    for (const hop of ["host", "connection", "content-length", "transfer-encoding"]) headers.delete(hop);
    try {
      const target = `${base}/${name}${rest}${url.search}`;
      return await fetch(target, { method: request.method, headers, body: request.body, redirect: "manual" });
    } catch {
      return Response.json({ code: "WORKER_ERROR", message: "Function exited" }, { status: 502 });
    }
  }

  /** Ends every function that was started. */
  stop(): void {
    for (const child of this.#children.values()) child.kill("SIGTERM");
  }

  /** The address of the running function; requests that come while it starts share the start. */
  #start(name: string): Promise<string> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const started = this.#launch(name);
    this.#running.set(name, started);
    started.catch(() => this.#running.delete(name));
    return started;
  }

  async #launch(name: string): Promise<string> {
    const { deno, folder, dir, env } = this.#setup;
    const child = new Deno.Command(deno, {
      args: ["run", "--cached-only", "--no-prompt", "--allow-env", "--allow-net", "index.ts"],
      cwd: `${folder}/${name}`,
      clearEnv: true,
      env: { ...env, DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0", DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#children.set(name, child);
    const pidFile = `${dir}/function-${name}.pid`;
    await Deno.writeTextFile(pidFile, String(child.pid));
    const log = await Deno.open(`${dir}/function-${name}.log`, { create: true, append: true });
    const listening = Promise.withResolvers<string>();
    const alarm = setTimeout(() => listening.reject(new Error("it does not listen")), START_WITHIN_MS);
    const follow = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      let seen = "";
      for await (const chunk of stream) {
        await log.write(chunk);
        if (seen.length > 4096) continue;
        seen += decoder.decode(chunk, { stream: true });
        const address = seen.match(/Listening on (http:\/\/[\d.]+:\d+)/)?.[1];
        if (address !== undefined) listening.resolve(address);
      }
    };
    const streams = Promise.allSettled([follow(child.stdout), follow(child.stderr)]);
    child.status.then(async ({ code }) => {
      this.#children.delete(name);
      this.#running.delete(name);
      listening.reject(new Error(`it exited with ${code}`));
      await streams;
      log.close();
      await Deno.remove(pidFile).catch(() => {});
    });
    return listening.promise.finally(() => clearTimeout(alarm));
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
