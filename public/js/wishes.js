// @ts-check
/** @file From the fields of a start form to what the API is asked for. Pure. */

/**
 * Empty fields are left out rather than sent as empty.
 * @param {Iterable<[string, unknown]>} fields name and value, as a form gives them; the names are the API's
 * @returns {import("./types.js").Wishes}
 */
export function wishesOf(fields) {
  const filled = [...fields]
    // Forms end their lines as mail does; a line's end is one character to whoever counts.
    .map(([name, value]) => /** @type {[string, string]} */ ([name, String(value).replaceAll("\r\n", "\n").trim()]))
    .filter(([, value]) => value !== "");
  const { include_profile, time_percent, ...wishes } = Object.fromEntries(filled);
  const documents = wishes.resume_text || wishes.job_description;
  const percent = Number(time_percent ?? 100);
  return {
    ...wishes,
    ...(documents ? { include_profile: include_profile !== undefined } : {}),
    ...(percent === 100 ? {} : { time_percent: percent }),
  };
}
