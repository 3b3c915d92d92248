/** @file A row of the audit in words. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tellOf } from "../../../public/js/audit-words.js";

/** @param {Partial<import("../../../public/js/types.js").AuditRow>} over @returns {import("../../../public/js/types.js").AuditRow} */
const row = (over) => ({ n: 1, at: "2026-11-21T10:00:00Z", actor: { kind: "person", id: "0190-ada" }, action: "session.ended", object: "s1", ...over });
const nameOf = (/** @type {string} */ id) => ({ "0190-ada": "Ada", "0190-robin": "Robin" })[id];

describe("a row of the audit", () => {
  it("names people who are known, and others by the end of their id", () => {
    assert.deepEqual(tellOf(row({}), nameOf), { who: "Ada", deed: "ended somebody’s interview", record: "s1" });
    assert.equal(tellOf(row({ actor: { kind: "person", id: "0190aaaa-bbccdd" } }), nameOf).who, "Somebody (bbccdd)");
    assert.equal(tellOf(row({ actor: { kind: "service", id: null } }), nameOf).who, "The server or its operator");
    assert.equal(tellOf(row({ actor: { kind: "ticket", id: "s1" } }), nameOf).who, "Whoever held the interview’s ticket");
  });

  it("says to whom a role was given, and which", () => {
    assert.equal(tellOf(row({ action: "member.granted", object: "0190-robin", detail: "member" }), nameOf).deed, "gave a role to Robin: member");
    assert.equal(tellOf(row({ action: "member.removed", object: "0190aaaa-bbccdd" }), nameOf).deed, "removed somebody (bbccdd)");
  });

  it("leads to an interview only where there still is one, and shows a deed of a later version as it is", () => {
    assert.equal(tellOf(row({ action: "session.deleted" }), nameOf).record, null);
    assert.deepEqual(tellOf(row({ action: "moon.reached", detail: "legal_hold" }), nameOf), { who: "Ada", deed: "moon.reached: legal hold", record: null });
  });
});
