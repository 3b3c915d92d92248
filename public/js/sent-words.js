// @ts-check
/** @file An invitation in words, for those who sent it: what became of it, and what the form asks for. Pure. */

import { whenOf } from "./call-words.js";
import { wishesOf } from "./wishes.js";

/** @typedef {import("./types.js").SentInvitation} SentInvitation */

/** @type {Record<SentInvitation["status"], string>} */
const STATUS = { pending: "waiting for an answer", accepted: "accepted", declined: "declined", revoked: "taken back", expired: "expired" };

/** What to call it in a list. @param {SentInvitation} invitation @returns {string} */
export function titleOf({ candidate_name, email, job_role }) {
  const whom = candidate_name ?? email;
  if (whom && job_role) return `${job_role}: ${whom}`;
  return whom ?? job_role ?? "Invitation";
}

/** @param {SentInvitation} invitation @returns {string} */
export function factsOf({ status, expires_at, created_at, settled_at }) {
  if (status === "pending") return `${STATUS.pending} · sent ${whenOf(created_at)} · good until ${whenOf(expires_at)}`;
  if (status === "expired") return `${STATUS.expired} ${whenOf(expires_at)} · sent ${whenOf(created_at)}`;
  return `${STATUS[status] ?? status} ${whenOf(settled_at)} · sent ${whenOf(created_at)}`;
}

/**
 * From the fields of the form: what is about the link stands beside what is about the interview.
 * @param {Iterable<[string, unknown]>} fields
 */
export function invitationOf(fields) {
  const { email, contact, expires_in_hours: hours, ...session } = /** @type {Record<string, string>} */ (wishesOf(fields));
  return { session, ...(email ? { email } : {}), ...(contact ? { contact } : {}), ...(hours ? { expires_in_hours: Number(hours) } : {}) };
}
