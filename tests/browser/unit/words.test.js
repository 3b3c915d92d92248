/** @file What people read: errors, health, numbers. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explain, explainCode } from "../../../public/js/explain.js";
import { clock, length, millis, percent } from "../../../public/js/format.js";
import { judge } from "../../../public/js/view/health.js";

describe("errors", () => {
  it("have words for every code of the contract that a person can meet", () => {
    const unknown = explainCode("no such code").title;
    for (const code of [
      "AUTHENTICATION_FAILED", "TOKEN_EXPIRED", "FORBIDDEN", "NOT_FOUND", "CONSENT_REQUIRED", "INVALID_SDP", "KEY_NOT_CONFIGURED",
      "KEY_REJECTED", "CAPACITY_REACHED", "RATE_LIMITED", "SDP_EXCHANGE_FAILED", "UPSTREAM_TIMEOUT", "UPSTREAM_RATE_LIMITED",
      "UPSTREAM_UNAVAILABLE",       "UPSTREAM_ERROR", "WEBRTC_CONNECTION_FAILED", "DATABASE_UNAVAILABLE", "SKIP_NOT_ALLOWED", "SESSION_ENDED", "CONFLICT",
      "mic_denied", "mic_missing", "mic_busy", "insecure", "play_blocked",
    ]) {
      assert.notEqual(explainCode(code).title, unknown, code);
    }
  });

  it("that are new are traceable", () => {
    assert.match(explain({ code: "BRAND_NEW", requestId: "req_7" }).help, /BRAND_NEW, req_7/);
    assert.equal(explain({ code: "HTTP_401", status: 401 }).title, explainCode("AUTHENTICATION_FAILED").title);
    assert.ok(explain(null).title);
  });
});

describe("health", () => {
  const well = { status: /** @type {const} */ ("healthy"), version: "1.2.3", git: "abc", store: { kind: "sqlite", state: "ok" }, upstream: { kind: "simulator", state: "ok" }, sessions: { active: 1, max: 2 }, simulation: true };
  const fact = (/** @type {ReturnType<typeof judge>} */ verdict, /** @type {string} */ name) => verdict.facts.find((found) => found.fact === name);

  it("of a well server is good in every part", () => {
    const verdict = judge(well);
    assert.equal(verdict.word, "Ready");
    assert.ok(verdict.facts.every(({ state }) => state === "good"));
    assert.match(verdict.provider, /simulated/);
  });

  it("names the part that is not well", () => {
    const verdict = judge({ ...well, status: "degraded", store: { kind: "sqlite", state: "failing", detail: "disk full" } });
    assert.equal(verdict.word, "Limited");
    assert.deepEqual(fact(verdict, "store"), { fact: "store", state: "bad", text: "on this machine, disk full" });
    assert.equal(fact(judge({ ...well, sessions: { active: 2, max: 2 } }), "calls")?.state, "fair");
    assert.equal(fact(judge({ ...well, upstream: { kind: "openai", state: "failing" } }), "model")?.state, "bad");
  });

  it("says where a voice goes", () => {
    const real = { ...well, simulation: false, upstream: { kind: "openai", state: "unknown", base_url_host: "api.example.org" } };
    assert.match(judge(real).provider, /api\.example\.org/);
    assert.equal(fact(judge(real), "model")?.state, "good", "not called yet is no fault");
  });

  it("of nobody is unreachable", () => {
    assert.equal(judge(null).word, "Unreachable");
  });
});

it("numbers are for people", () => {
  assert.deepEqual([clock(61.2), clock(59.01), clock(-3)], ["1:02", "1:00", "0:00"]);
  assert.deepEqual([length(90), length(705)], ["90 seconds", "12 minutes"]);
  assert.deepEqual([millis(3.14), millis(1234.5), millis(null)], ["3.1 ms", "1235 ms", "–"]);
  assert.deepEqual([percent(0), percent(12.4), percent(null)], ["0.0 %", "12 %", "–"]);
});
