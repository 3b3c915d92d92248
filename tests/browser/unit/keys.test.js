/** @file Model keys in words, and who sees which pages. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { factsOf, stateOf } from "../../../public/js/access-words.js";
import { factsOf as sentFacts, invitationOf, titleOf } from "../../../public/js/sent-words.js";
import { refusalOf, standingOf, verdictOf } from "../../../public/js/key-words.js";
import { isAdmin } from "../../../public/js/view/desk.js";

describe("a stored key", () => {
  const key = (/** @type {"valid" | "rejected" | "unchecked"} */ status) => standingOf({ provider: "openai", last4: "wxyz", status, checked_at: null });

  it("is named by its last four characters, with what the provider says", () => {
    assert.deepEqual([key("valid").mood, key("rejected").mood, key("unchecked").mood], ["good", "bad", "fair"]);
    for (const status of /** @type {const} */ (["valid", "rejected", "unchecked"])) assert.match(key(status).text, /ends in wxyz/);
    assert.equal(standingOf(undefined).mood, "idle");
  });

  it("that could not be asked about is neither good nor bad", () => {
    assert.deepEqual([true, false, null].map((valid) => verdictOf({ valid }).mood), ["good", "bad", "fair"]);
  });
});

it("a key that was not saved says why, in the server's words where they are about the key", () => {
  assert.equal(refusalOf({ code: "KEY_REJECTED", message: "The provider refused this key." }), "The provider refused this key.");
  assert.equal(refusalOf({ code: "VALIDATION_FAILED", message: "`key` must be whole." }), "This must be whole.");
  assert.match(refusalOf({ code: "RATE_LIMITED", message: "internal words" }), /too often/);
});

it("only an organisation's admin decides about others", () => {
  const me = (/** @type {Partial<import("../../../public/js/types.js").Tenant>} */ over) => ({
    user: { id: "u", name: "Ada", kind: "issued" },
    tenants: [{ id: "t", name: "Acme", kind: /** @type {const} */ ("organisation"), role: /** @type {const} */ ("admin"), active: true, ...over }],
  });
  assert.equal(isAdmin(me({})), true);
  assert.equal(isAdmin(me({ kind: "personal" })), false);
  assert.equal(isAdmin(me({ role: "interviewer" })), false);
  assert.equal(isAdmin({ ...me({}), tenants: [] }), false);
});

describe("an access key", () => {
  const NOW = Date.parse("2026-11-21T12:00:00Z");
  const key = (/** @type {Partial<import("../../../public/js/types.js").AccessKey>} */ over) => ({
    id: "k", name: "Careers", prefix: "vk_abcd", scopes: ["sessions:write"], created_at: "2026-11-01T00:00:00Z", expires_at: null, revoked_at: null, last_used_at: null, ...over,
  });

  it("is good until it expires or is revoked", () => {
    assert.equal(stateOf(key({}), NOW), "good");
    assert.equal(stateOf(key({ expires_at: "2026-11-21T12:00:01Z" }), NOW), "good");
    assert.equal(stateOf(key({ expires_at: "2026-11-21T12:00:00Z" }), NOW), "expired");
    assert.equal(stateOf(key({ expires_at: "2030-01-01T00:00:00Z", revoked_at: "2026-11-20T00:00:00Z" }), NOW), "revoked");
  });

  it("says what it may do and whether it is used", () => {
    assert.equal(factsOf(key({}), NOW), "vk_abcd… · makes interviews · never used · good until it is revoked");
    assert.match(factsOf(key({ scopes: ["sessions:read", "new:scope"], last_used_at: "2026-11-21T11:00:00Z" }), NOW), /reads interviews, new:scope · last used /);
    assert.match(factsOf(key({ expires_at: "2026-11-20T00:00:00Z" }), NOW), /expired /);
  });
});

describe("a sent invitation", () => {
  const sent = (/** @type {Partial<import("../../../public/js/types.js").SentInvitation>} */ over) => ({
    id: "i", session_id: "s", status: /** @type {const} */ ("pending"), email: null, candidate_name: null, job_role: null,
    expires_at: "2026-11-28T12:00:00Z", created_at: "2026-11-21T12:00:00Z", settled_at: null, ...over,
  });

  it("has a name also when it no longer says whom it was for", () => {
    assert.equal(titleOf(sent({})), "Invitation");
    assert.equal(titleOf(sent({ email: "sam@example.org", job_role: "Keeper" })), "Keeper: sam@example.org");
    assert.equal(titleOf(sent({ candidate_name: "Sam", email: "sam@example.org" })), "Sam");
  });

  it("says what became of it", () => {
    assert.match(sentFacts(sent({})), /^waiting for an answer · sent .* · good until /);
    assert.match(sentFacts(sent({ status: "expired" })), /^expired .* · sent /);
    for (const status of /** @type {const} */ (["accepted", "declined", "revoked"])) {
      assert.match(sentFacts(sent({ status, settled_at: "2026-11-22T12:00:00Z" })), /^(accepted|declined|taken back) \S/);
    }
  });

  it("asks for the link beside the interview", () => {
    assert.deepEqual(
      invitationOf([["candidate_name", "Sam"], ["email", " sam@example.org "], ["contact", ""], ["expires_in_hours", "72"], ["time_percent", "150"], ["plan", "short"]]),
      { session: { candidate_name: "Sam", plan: "short", time_percent: 150 }, email: "sam@example.org", expires_in_hours: 72 },
    );
    assert.deepEqual(invitationOf([["expires_in_hours", "168"]]), { session: {}, expires_in_hours: 168 });
  });
});
