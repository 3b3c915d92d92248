// @ts-check
/** @file A call of the past in words: how it stands, how far it came, how long it took, whose word each turn is. Pure. */

/** @typedef {import("./types.js").Session} Session */
/** @typedef {"good" | "fair" | "bad" | "idle"} Mood */

/** @type {Record<string, [string, Mood]>} */
const STATUS = {
  scheduled: ["Not begun", "idle"],
  in_progress: ["Not finished", "fair"],
  completed: ["Completed", "good"],
  cancelled: ["Cancelled", "idle"],
  failed: ["Failed", "bad"],
};

/** @type {Record<string, string>} */
const ENDINGS = {
  natural_completion: "came to its end",
  user_end: "ended by the candidate",
  user_disconnect: "ended after the candidate had left",
  time_limit: "ended when its time was up",
  closing_timeout: "ended because the closing words took too long",
  inactivity: "ended because nothing was said",
  admin_end: "ended by its host",
  upstream_error: "ended because the interviewer’s line broke",
  no_show: "ended because nobody joined",
  integrity: "ended because the call was changed from outside",
  store_unavailable: "ended because the record could not be written",
  budget: "ended because the budget was used up",
  session_cap: "ended at the longest time of a session",
  consent_withdrawn: "ended because consent was withdrawn",
  abandoned: "ended because nobody came back",
};

/** @type {Record<string, string>} why a stage was left */
const REASONS = { completed: "done", forced: "its time was up", skipped: "skipped", closing: "done", ended: "the interview ended here" };

/** @param {Session} session @returns {{word: string, mood: Mood}} */
export function statusOf({ status, live }) {
  if (live) return { word: "Under way", mood: "good" };
  const [word, mood] = STATUS[status] ?? [status, "idle"];
  return { word, mood };
}

/** @param {string | null | undefined} endedBy @returns {string} empty while it has not ended; an unknown way is named as it is */
export function endingOf(endedBy) {
  return endedBy ? (ENDINGS[endedBy] ?? `ended (${endedBy})`) : "";
}

/** @type {Record<string, string>} */
const KINDS = { interview: "Interview", transcription: "Transcript", translation: "Translation" };

/** Who the model is in a call, and who speaks with it. @param {string | undefined} kind @returns {{model: string, speaker: string}} */
export function namesOf(kind) {
  return (kind ?? "interview") === "interview" ? { model: "Interviewer", speaker: "Candidate" } : { model: "Translation", speaker: "Speaker" };
}

/** What to call it in a list. @param {Session} session @returns {string} */
export function nameOf({ title, job_role, candidate_name, kind = "interview" }) {
  const about = title ?? job_role;
  if (about && candidate_name) return `${about}: ${candidate_name}`;
  return about ?? candidate_name ?? KINDS[kind] ?? "Interview";
}

/** How long it took, to the second. @param {Session} session @returns {string} empty while it is not over or never began */
export function lengthOf({ started_at, ended_at }) {
  if (!started_at || !ended_at) return "";
  return duration((Date.parse(ended_at) - Date.parse(started_at)) / 1_000);
}

/** @param {number} seconds @returns {string} */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${whole % 60} s`;
}

/**
 * How far it came. A stage that was jumped over is skipped even when a later one was reached.
 * @param {Session} session
 * @returns {{name: string, label: string, state: "done" | "skipped" | "here" | "ahead"}[]}
 */
export function stagesOf({ stages = [], stage, skipped_stages = [], status, started_at }) {
  const at = started_at ? stages.findIndex(({ name }) => name === stage) : -1;
  return stages.map(({ name, label }, index) => {
    if (skipped_stages.includes(name)) return { name, label, state: "skipped" };
    if (index === at) return { name, label, state: status === "completed" && index === stages.length - 1 ? "done" : "here" };
    return { name, label, state: index < at ? "done" : "ahead" };
  });
}

/** @param {Session} session @returns {string} */
export function progressOf(session) {
  const stages = stagesOf(session);
  const here = stages.findIndex(({ state }) => state === "here");
  if (here >= 0) return `Stage ${here + 1} of ${stages.length}: ${stages[here].label}`;
  const done = stages.filter(({ state }) => state === "done").length;
  return done > 0 ? `${done} of ${stages.length} stages` : `${stages.length} stages`;
}

/** Why a stage was left. @param {string} reason @returns {string} */
export function reasonOf(reason) {
  return REASONS[reason] ?? reason;
}

/**
 * Whose word a turn is, and what else a reader should know of it before quoting it.
 * @param {import("./types.js").StoredTurn} turn
 * @returns {{mark: string, text: string, explain: string}[]}
 */
export function marksOf({ source, disputed, state, truncated }) {
  const marks = [];
  if (disputed) marks.push({ mark: "disputed", text: "disputed", explain: "The browser reported this, and the server’s own line to the call knows nothing of it." });
  else if (source === "client") marks.push({ mark: "client", text: "by the browser", explain: "The browser reported this while the server had no line of its own to the call." });
  else if (source === "sideband") marks.push({ mark: "sideband", text: "heard by the server", explain: "The server heard this on its own line to the call." });
  else if (source === "imported") marks.push({ mark: "imported", text: "imported", explain: "This comes from an older system. Nobody here heard it." });
  if (state === "interrupted") marks.push({ mark: "interrupted", text: "interrupted", explain: "The speaker was cut off; not all of this text may have been heard." });
  if (truncated) marks.push({ mark: "truncated", text: "cut", explain: "The text was longer than a turn may be." });
  return marks;
}

/** @param {string | null | undefined} iso @returns {string} date and time where the reader is */
export function whenOf(iso) {
  return iso ? new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "–";
}

/** How the consent to a call stands. @param {import("./types.js").GivenConsent[]} given oldest first @returns {{words: string, isGiven: boolean}} */
export function consentOf(given) {
  const newest = given.at(-1);
  if (!newest) return { words: "No consent is stored.", isGiven: false };
  const { version, locale, agreed_at, withdrawn_at } = newest;
  if (withdrawn_at) return { words: `Consent was taken back ${whenOf(withdrawn_at)}.`, isGiven: false };
  return { words: `Agreed ${whenOf(agreed_at)} to the notice ${version} (${locale}).`, isGiven: true };
}
