/** @file Setting up an interview: documents, the notice, and what the API is asked for. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { NOTICE, agreeTo, noticeLines, standing } from "../../../public/js/consent.js";
import { consentOf } from "../../../public/js/call-words.js";
import { refusalOf as rightsRefusal } from "../../../public/js/rights-words.js";
import { MAX_FILE_BYTES, characters, fit, refusalOf, typeOf } from "../../../public/js/document.js";
import { fieldOf } from "../../../public/js/view/field-errors.js";
import { wishesOf } from "../../../public/js/wishes.js";

describe("a document", () => {
  it("is taken by its ending, whatever the browser calls it", () => {
    assert.equal(typeOf("Résumé.PDF"), "application/pdf");
    assert.equal(typeOf("cv.final.docx"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document");
    assert.equal(typeOf("readme.md"), "text/markdown");
    for (const name of ["cv", "cv.exe", ".constructor", "pdf"]) assert.equal(typeOf(name), null, name);
  });

  it("is refused before it is sent when the server would refuse it", () => {
    assert.equal(refusalOf({ name: "cv.pdf", size: MAX_FILE_BYTES }), null);
    assert.match(refusalOf({ name: "cv.pdf", size: MAX_FILE_BYTES + 1 }) ?? "", /larger than 2 MiB/);
    assert.match(refusalOf({ name: "cv.pdf", size: 0 }) ?? "", /empty/);
    assert.match(refusalOf({ name: "cv.doc", size: 9 }) ?? "", /old format/);
    assert.match(refusalOf({ name: "cv.png", size: 9 }) ?? "", /PDF, Word/);
  });

  it("that fits is only trimmed", () => {
    assert.deepEqual(fit("  Eight years.\n", 12), { text: "Eight years.", characters: 12, left: 0 });
    assert.deepEqual(fit("", 5), { text: "", characters: 0, left: 0 });
  });

  it("that does not fit is cut between words, and the rest is counted", () => {
    assert.deepEqual(fit("one two three", 9), { text: "one two", characters: 13, left: 6 });
    assert.deepEqual(fit("one two three", 7), { text: "one two", characters: 13, left: 6 }, "a word that just fits stays");
    assert.deepEqual(fit("x".repeat(200), 150), { text: "x".repeat(150), characters: 200, left: 50 }, "no word ends near");
  });

  it("is counted and cut as the server counts, where an emoji is one", () => {
    assert.equal(characters("👩🏽‍💻"), 4);
    const { text } = fit("😀".repeat(20), 15);
    assert.equal(characters(text), 15);
    assert.doesNotMatch(text, /[\uD800-\uDBFF](?![\uDC00-\uDFFF])/, "no half of one is left");
    for (const limit of [1, 10, 99, 100, 101]) assert.ok(characters(fit("ä ö ü ".repeat(40), limit).text) <= limit);
  });
});

describe("the notice", () => {
  it("has a new version whenever a line changes", () => {
    const text = noticeLines("(the provider)").join("\n");
    const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
    assert.deepEqual([NOTICE.version, hash], ["2026-11-21", "c492d2df06259203"], "change both together");
  });

  it("is agreed to as it was shown", async () => {
    const lines = noticeLines("Your voice goes to the model at api.example.org.");
    const agreement = await agreeTo(lines);
    assert.equal(agreement.text_hash, createHash("sha256").update(lines.join("\n")).digest("hex"));
    assert.equal(agreement.locale, "en");
    assert.notEqual((await agreeTo(noticeLines("elsewhere"))).text_hash, agreement.text_hash);
  });
});

describe("the consent that somebody who comes back goes on with", () => {
  const given = (/** @type {Partial<import("../../../public/js/types.js").GivenConsent>} */ over) => ({ version: "1", locale: "en", text_hash: null, agreed_at: "2026-11-21T10:00:00Z", withdrawn_at: null, ...over });

  it("is the newest that was not taken back, as it was given", () => {
    assert.equal(standing([]), null);
    assert.deepEqual(standing([given({}), given({ version: "2", text_hash: "ab" })]), { version: "2", locale: "en", text_hash: "ab" });
    assert.deepEqual(standing([given({}), given({ version: "2", withdrawn_at: "2026-11-21T11:00:00Z" })]), { version: "1", locale: "en" }, "a hash that was not told is left out");
    assert.equal(standing([given({ withdrawn_at: "2026-11-21T11:00:00Z" })]), null);
  });

  it("is told on the page of the record", () => {
    assert.deepEqual(consentOf([]), { words: "No consent is stored.", isGiven: false });
    assert.match(consentOf([given({})]).words, /^Agreed .* to the notice 1 \(en\)\.$/);
    assert.equal(consentOf([given({ withdrawn_at: "2026-11-21T11:00:00Z" })]).isGiven, false);
  });

  it("and the record are asked about in the server's words where only it knows the rule", () => {
    assert.equal(rightsRefusal({ code: "LEGAL_HOLD", message: "It has to be kept." }), "It has to be kept.");
    assert.equal(rightsRefusal({ code: "CONFLICT", message: "It is running." }), "It is running.");
    assert.match(rightsRefusal({ code: "NETWORK", message: "x" }), /could not be reached/);
  });
});

describe("wishes", () => {
  it("leave out what is empty", () => {
    assert.deepEqual(wishesOf([["candidate_name", "  "], ["job_role", " Engineer "], ["language", ""]]), { job_role: "Engineer" });
  });

  it("say whether documents may be shown only when there are some", () => {
    assert.deepEqual(wishesOf([["include_profile", "on"]]), {});
    assert.deepEqual(wishesOf([["resume_text", "a\r\nb"], ["include_profile", "on"]]), { resume_text: "a\nb", include_profile: true });
    assert.deepEqual(wishesOf([["job_description", "a"]]), { job_description: "a", include_profile: false });
  });

  it("ask for time only when it differs", () => {
    assert.deepEqual(wishesOf([["time_percent", "100"]]), {});
    assert.deepEqual(wishesOf([["time_percent", "150"]]), { time_percent: 150 });
  });
});

it("a refusal names its field", () => {
  assert.equal(fieldOf({ code: "VALIDATION_FAILED", message: "`candidate_email` must be an e-mail address." }), "candidate_email");
  assert.equal(fieldOf({ code: "VALIDATION_FAILED", message: "`plan`: it has no stage." }), "plan");
  assert.equal(fieldOf({ code: "BAD_MESSAGE", message: "`plan` is odd" }), null);
  assert.equal(fieldOf(new Error("x")), null);
  assert.equal(fieldOf(null), null);
});
