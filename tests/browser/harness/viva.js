/** @file Starts the real `viva` binary for a test and ends exactly that process. */

import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { Provider } from "./provider.js";

const ROOT = resolve(import.meta.dirname, "../../..");
const BINARY = process.env.VIVA_BIN ?? join(ROOT, "target/debug/viva");
/** A debug build on a busy machine; a release build needs a small part of it. */
const READY_WITHIN_MS = 30_000;
const GONE_WITHIN_MS = 15_000;
const KEPT_LOG_LINES = 400;
const READY = /open (http:\/\/\S+)/;
/** Where `scripts/test` collects the servers' logs to search them for what must never be logged. */
const LOGS = process.env.VIVA_TEST_LOGS;
/** Which store servers under test have: `embedded`, or `supabase`, where each gets a project of its own. */
const STORE = process.env.VIVA_TEST_STORE ?? "embedded";

/** @typedef {{key: string, url: string, stop: () => Promise<void>, pid: number}} Simulator */

export class Viva {
  #child;
  #dataDir;
  #env;
  #project;
  /** @type {string[]} */
  #log;

  /** @param {import("node:child_process").ChildProcess} child @param {string} url @param {string} dataDir @param {string[]} log @param {Record<string, string>} env @param {Project | null} project */
  constructor(child, url, dataDir, log, env, project) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.#log = log;
    this.#env = env;
    this.#project = project;
    this.url = url.replace(/\/$/, "");
    this.port = Number(new URL(url).port);
  }

  /**
   * @param {Record<string, string>} [env] settings beside the defaults
   * @returns {Promise<Viva>}
   */
  static async start(env = {}) {
    const dataDir = await mkdtemp(join(tmpdir(), "viva-browser-"));
    const project = STORE === "embedded" ? null : await startProject();
    const provider = Provider.at(env.SUPABASE_URL);
    if (project && provider) provider.project = project.url;
    const all = { DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: LOGS ? "debug" : "info", ...project?.env(env), ...env };
    const child = launch([], all);
    const log = keepLog(child);
    try {
      const url = await ready(child, log, READY);
      if (project) await keepsIts(url, STORE);
      return new Viva(child, url, dataDir, log, all, project);
    } catch (error) {
      await project?.stop();
      throw error;
    }
  }

  /**
   * Ends it and starts it again where it was: same address, same data.
   * @param {"SIGTERM" | "SIGKILL"} [signal] as a deployment ends it, or as a power cut does
   */
  async restart(signal = "SIGTERM") {
    await end(this.#child, signal);
    this.#child = launch([], { ...this.#env, PORT: String(this.port) });
    this.#log = keepLog(this.#child);
    await ready(this.#child, this.#log, READY);
  }

  get pid() {
    return /** @type {number} */ (this.#child.pid);
  }

  /**
   * Commands are waited for while nothing else in this process runs: what stands in for the project's sign-in could not
   * answer them, and they need its data alone.
   */
  get #commandEnv() {
    return { ...this.#env, ...(this.#project && { SUPABASE_URL: this.#project.url }) };
  }

  /** Runs a command of the same binary on the same data, beside the running server. @param {...string} args @returns {string} what it said */
  command(...args) {
    const done = spawnSync(BINARY, args, { env: { PATH: process.env.PATH, HOME: tmpdir(), ...this.#commandEnv }, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`viva ${args[0]}: ${done.stderr}`);
    return done.stdout;
  }

  /** The last lines that the server logged, for a failed test's message. */
  get log() {
    return this.#log.join("\n");
  }

  /**
   * From now on every write past `bytes` of a file fails, as on a full disk. A limit rather than permissions, because
   * tests often run as root, for whom permissions do not count. What lies in a project is out of reach as well.
   * @param {number | "unlimited"} bytes
   */
  limitFiles(bytes) {
    // Only the soft limit: the hard one could not be raised again.
    const done = spawnSync("prlimit", ["--pid", String(this.pid), `--fsize=${bytes}:`], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`prlimit: ${done.stderr}`);
    this.#project?.database(bytes === "unlimited" ? "start" : "stop");
  }

  /** The process stands still, as on a machine that is out of breath; its sockets stay open. */
  freeze() {
    process.kill(this.pid, "SIGSTOP");
  }

  thaw() {
    process.kill(this.pid, "SIGCONT");
  }

  /**
   * What the operator does on this machine: somebody who was here once gets a role in an organisation.
   * @param {string} user @param {string} tenant @param {string} role
   */
  grant(user, tenant, role) {
    const args = ["grant", "--user", user, "--tenant", tenant, "--role", role, "--create-tenant"];
    const done = spawnSync(BINARY, args, { env: { PATH: process.env.PATH, ...this.#commandEnv }, cwd: ROOT, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`viva grant: ${done.stderr}`);
  }

  async stop() {
    await end(this.#child);
    await this.#project?.stop();
    await rm(this.#dataDir, { recursive: true, force: true });
  }
}

/**
 * @typedef {object} Project
 * @property {string} url
 * @property {(settings: Record<string, string>) => Record<string, string>} env what a server with these settings needs besides
 * @property {(what: "start" | "stop") => void} database ends its Postgres, or brings it back
 * @property {() => Promise<void>} stop
 */

/**
 * A project of its own for one server (`scripts/supabase-local`), so that tests find nothing of one another. Guests come
 * in where they would with the other store: unless a test names an issuer.
 * @returns {Promise<Project>}
 */
async function startProject() {
  if (STORE !== "supabase") throw new Error(`VIVA_TEST_STORE is embedded or supabase, not ${STORE}`);
  const run = promisify(execFile);
  const script = join(ROOT, "scripts/supabase-local");
  const dir = await mkdtemp(join(tmpdir(), "viva-project-"));
  const stop = async () => void (await run(script, ["down", "--dir", dir]));
  try {
    const { stdout } = await run(script, ["up", "--dir", dir]);
    const told = Object.fromEntries(stdout.trim().split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
    const { SUPABASE_URL, SUPABASE_SECRET_KEY } = told;
    /** @param {Record<string, string>} settings */
    const env = (settings) => ({ SUPABASE_URL, SUPABASE_SECRET_KEY, ALLOW_LOCAL_GUEST: String(!("JWT_SECRET" in settings || "SUPABASE_URL" in settings)) });
    /** @param {"start" | "stop"} what */
    const database = (what) => {
      const done = spawnSync(script, [what, "postgres", "--dir", dir], { encoding: "utf8" });
      if (done.status !== 0) throw new Error(`supabase-local ${what} postgres: ${done.stderr}`);
    };
    return { url: SUPABASE_URL, env, database, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * The simulator in a process of its own: its sockets can be told from the server's, it outlives the server, and it can
 * be told what to do wrong (`viva simulate --list-faults`).
 * @param {...string} faults
 * @returns {Promise<Simulator>}
 */
export async function startSimulator(...faults) {
  const child = launch(["simulate", "--port", "0", "--key", "sk-browser-tests", ...faults.flatMap((fault) => ["--fault", fault])], {});
  const log = keepLog(child);
  const url = await ready(child, log, /(http:\/\/127\.0\.0\.1:\d+)/);
  return { url: url.replace(/\/(v1\/?)?$/, ""), key: "sk-browser-tests", pid: /** @type {number} */ (child.pid), stop: () => end(child) };
}

/** @param {string[]} args @param {Record<string, string>} env */
function launch(args, env) {
  if (!existsSync(BINARY)) throw new Error(`no server at ${BINARY}: build it, or set VIVA_BIN`);
  // The shell only sets one signal aside: a write beyond the file limit shall fail like a full disk, not kill.
  return spawn("/bin/sh", ["-c", `trap "" XFSZ; exec "$0" "$@"`, BINARY, ...args], {
    // Nothing of the tester's own settings may leak in: a real key would make real calls.
    env: { PATH: process.env.PATH, HOME: tmpdir(), ...env },
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** @param {import("node:child_process").ChildProcess} child @returns {string[]} grows while the child lives */
function keepLog(child) {
  /** @type {string[]} */
  const kept = [];
  if (LOGS) child.stderr?.pipe(createWriteStream(join(LOGS, `browser-${child.pid}.log`), { flags: "a" }));
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (line) => {
      kept.push(line);
      if (kept.length > KEPT_LOG_LINES) kept.shift();
    });
  }
  return kept;
}

/** @param {import("node:child_process").ChildProcess} child @param {string[]} log @param {RegExp} line @returns {Promise<string>} */
async function ready(child, log, line) {
  const until = Date.now() + READY_WITHIN_MS;
  while (Date.now() < until) {
    for (const said of log) {
      const found = line.exec(said);
      if (found) return found[1];
    }
    if (child.exitCode !== null) break;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  await end(child);
  throw new Error(`the server did not become ready:\n${log.join("\n")}`);
}

/** A server that took no notice of its project would pass every test with the other store. @param {string} url @param {string} kind */
async function keepsIts(url, kind) {
  const { store } = await fetch(new URL("/health", url)).then((response) => response.json());
  if (store.kind !== kind) throw new Error(`the server's store is ${store.kind}, not ${kind}`);
}

/** @param {import("node:child_process").ChildProcess} child @param {"SIGTERM" | "SIGKILL"} [signal] */
async function end(child, signal = "SIGTERM") {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), GONE_WITHIN_MS);
  await gone;
  clearTimeout(timer);
}
