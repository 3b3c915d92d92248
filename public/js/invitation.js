// @ts-check
/**
 * @file An invitation in words: what is told of it, what is agreed to, and what to say when it cannot be answered. Pure but
 * for the hash. Whoever changes a line of the notice gives it a new version, because stored consents name it.
 */

import { agreeTo } from "./consent.js";
import { length } from "./format.js";

/**
 * What `POST /api/invitations/open` tells.
 * @typedef {object} Invitation
 * @property {"pending" | "accepted"} status
 * @property {string} organisation
 * @property {string | null} job_role
 * @property {string | null} language
 * @property {string | null} contact
 * @property {number | null} limit_seconds
 * @property {number | null} stages
 * @property {boolean} needs_email
 * @property {boolean} simulation
 * @property {number} retention_days
 * @property {string} expires_at
 * @property {string} [session_id]
 */

const NOTICE = Object.freeze({ version: "invitation-2026-11-21", locale: "en" });

/**
 * The notice. Who, why, what is recorded, by which model, how long it is kept, which rights there are, and a person to ask.
 * @param {Invitation} invitation
 * @param {string} provider the sentence that says where the voice goes
 * @returns {string[]}
 */
export function invitationNotice({ organisation, job_role: role, contact, retention_days: days }, provider) {
  return [
    `${organisation} invites you to this interview${role ? ` for the role of ${role}` : ""} and decides what becomes of it. People read the record; no decision is made by a machine alone.`,
    "You talk to an AI, not to a person.",
    provider,
    "Both sides’ words are stored here as text. No audio is stored here. Nobody judges your accent, your voice or how you feel.",
    days > 0 ? `The record is deleted ${days} days after the interview, and from backups within 30 more.` : "The record is kept until it is deleted.",
    "You may stop at any time, take your consent back, have a copy of everything that is stored, and have it erased.",
    `You may ask for a talk with a person instead, or for a typed one: ${contact ?? "ask whoever sent you this link"}.`,
  ];
}

/** Agreement to these lines. @param {string[]} lines @returns {Promise<import("./types.js").Agreement>} */
export function agreeToInvitation(lines) {
  return agreeTo(lines, NOTICE);
}

/** What stands above the notice. @param {Invitation} invitation @returns {[string, string][]} */
export function invitationFacts({ organisation, job_role: role, language, limit_seconds: seconds, stages, contact, expires_at: until }) {
  /** @type {[string, string | null | undefined | 0][]} */
  const facts = [
    ["Who invites you", organisation],
    ["Role", role],
    ["Language", language && nameOf(language)],
    ["How long", seconds && `at most ${length(seconds)}${stages ? `, in ${stages} stages` : ""}`],
    ["A person to ask", contact],
    ["Open until", new Date(until).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" })],
  ];
  return /** @type {[string, string][]} */ (facts.filter(([, value]) => value));
}

/** @param {string} tag @returns {string} */
function nameOf(tag) {
  try {
    return new Intl.DisplayNames(undefined, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** One page for each end that a link can come to. @type {Record<string, {title: string, help: string}>} */
const ENDS = {
  INVITATION_USED: {
    title: "This invitation was accepted",
    help: "If that was you, go on in the browser in which you accepted. A link works for one person only.",
  },
  INVITATION_DECLINED: { title: "This invitation was declined", help: "If you changed your mind, ask whoever sent it for another." },
  INVITATION_REVOKED: { title: "This invitation was taken back", help: "Whoever sent it does not need an answer any more. If that surprises you, ask them." },
  INVITATION_EXPIRED: { title: "This invitation has expired", help: "Ask whoever sent it for another." },
  NOT_FOUND: { title: "There is no such invitation", help: "The address may not be complete. Copy the whole link from the message." },
};

/** @param {unknown} error @returns {{title: string, help: string} | null} null: the link itself may still be good */
export function endOf(error) {
  const { code } = /** @type {{code?: string}} */ (error ?? {});
  return ENDS[code ?? ""] ?? null;
}
