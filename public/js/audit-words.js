// @ts-check
/** @file A row of the audit in words: what was done, to what, by whom. Pure; it knows names only if it is told them. */

/** @typedef {import("./types.js").AuditRow} AuditRow */

/** @type {Record<string, string>} */
const DEEDS = {
  "member.granted": "gave a role to",
  "member.removed": "removed",
  "key.saved": "stored a model key",
  "key.deleted": "deleted a model key",
  "access_key.made": "made an access key",
  "access_key.revoked": "revoked an access key",
  "invitation.made": "invited a candidate",
  "invitation.accepted": "accepted an invitation",
  "invitation.declined": "declined an invitation",
  "invitation.revoked": "took an invitation back",
  "session.ended": "ended somebody’s interview",
  "session.claimed": "claimed an interview for an account",
  "session.deleted": "deleted an interview",
  "consent.withdrawn": "took a consent back",
  "retention.changed": "changed how long things are kept",
  "tenant.changed": "changed a rule",
  "retention.applied": "deleted an interview whose time was over",
  "person.erased": "was erased",
};

/** Words that come as the detail of a deed, as far as they are not what they say. @type {Record<string, string>} */
const DETAILS = { legal_hold: "legal hold", no_legal_hold: "no legal hold", days: "another number of days", key_policy: "whose key pays", max_sessions: "calls at once" };

/** Deeds whose object is an interview that is still there. */
const LEADS_TO_RECORD = new Set(["session.ended", "session.claimed", "consent.withdrawn"]);

/**
 * @param {AuditRow} row
 * @param {(id: string) => string | undefined} nameOf people who are known
 * @returns {{who: string, deed: string, record: string | null}} `record`: the interview that it leads to
 */
export function tellOf({ actor, action, object, detail }, nameOf) {
  const whom = action.startsWith("member.") && object ? ` ${nameOf(object) ?? `somebody (${brief(object)})`}` : "";
  const what = `${DEEDS[action] ?? action}${whom}${detail ? `: ${DETAILS[detail] ?? detail}` : ""}`;
  return { who: whoOf(actor, nameOf), deed: what, record: object && LEADS_TO_RECORD.has(action) ? object : null };
}

/** @param {AuditRow["actor"]} actor @param {(id: string) => string | undefined} nameOf */
function whoOf({ kind, id }, nameOf) {
  if (kind === "service") return "The server or its operator";
  if (kind === "ticket") return "Whoever held the interview’s ticket";
  return (id && nameOf(id)) || `Somebody (${brief(id ?? "")})`;
}

/** Enough of an id to tell two apart in a list; the end, because the beginning is a time. @param {string} id */
function brief(id) {
  return id.slice(-6);
}
