// @ts-check
/** @file How long to wait before the next try. Pure: randomness comes in. */

const FIRST_MS = 250;
const LONGEST_MS = 8_000;

/**
 * Exponential with full jitter on the upper half: many pages that lost one server must not come back at one moment,
 * and no page should come back at once either.
 * @param {number} attempt 0 for the first try after the loss
 * @param {number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function backoff(attempt, random) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
