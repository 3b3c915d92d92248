// @ts-check
/** @file Numbers for people. Pure. */

/** Seconds as `m:ss`, never negative. @param {number} seconds @returns {string} */
export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A plan's length in words: exact below two minutes, else rounded up to minutes. @param {number} seconds @returns {string} */
export function length(seconds) {
  return seconds < 120 ? `${Math.round(seconds)} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

/** Milliseconds with as many digits as they deserve. @param {number | null | undefined} value @returns {string} */
export function millis(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

/** @param {number | null | undefined} value @returns {string} */
export function percent(value) {
  return value === null || value === undefined ? "–" : `${value.toFixed(value < 10 ? 1 : 0)} %`;
}
