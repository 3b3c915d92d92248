// @ts-check
/** @file Asks a server that may be restarting a few times before it counts as not there. */

import { ApiError } from "../api.js";
import { backoff } from "./backoff.js";

/** With the pauses between them about ten seconds: longer than a restart takes. */
const TRIES = 5;
/** The first pauses of `backoff` are for sockets; a process needs a moment more. */
const SKIPPED = 1;
/** No answer, or one from somebody who stands in for a server that is not there. */
const AWAY = new Set([0, 502, 503, 504]);

/**
 * @template Value
 * @param {() => Promise<Value>} ask
 * @returns {Promise<Value>}
 */
export async function patiently(ask) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || !AWAY.has(error.status) || tries === TRIES) throw error;
      await new Promise((wake) => setTimeout(wake, backoff(tries + SKIPPED, Math.random())));
    }
  }
}
