/** @file Rules on the pages' own text: nothing inline, nothing foreign, nothing kept in the browser, and small. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { it } from "node:test";

const PUBLIC = join(import.meta.dirname, "../../../public");
const PAGES = ["index.html", "start.html", "interview.html", "past-calls.html", "past-call.html", "live.html", "dashboard.html", "api-keys.html", "usage.html", "admin.html", "sign-in.html", "test.html"];
const files = readdirSync(PUBLIC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const text = (/** @type {string} */ file) => readFileSync(file, "utf8");
const short = (/** @type {string} */ file) => file.slice(PUBLIC.length);

it("finds the pages", () => {
  for (const page of [...PAGES, "404.html"]) assert.ok(files.includes(join(PUBLIC, page)), page);
});

for (const file of files) {
  it(`${short(file)} keeps the rules`, () => {
    const body = text(file);
    assert.doesNotMatch(body, /\b(localStorage|sessionStorage|indexedDB|document\.cookie)\b/, "the server is the only memory");
    assert.doesNotMatch(body, /\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function)\b/, "text goes in as text");
    assert.doesNotMatch(body.replaceAll("http://www.w3.org/2000/svg", "").replaceAll("https://viva.example.org", ""), /https?:\/\/\w/, "nothing from elsewhere");
    if (extname(file) === ".html") assert.doesNotMatch(body, /<style|\sstyle="|\son[a-z]+="|<script(?![^>]*\bsrc=)/);
    if (extname(file) === ".js") {
      assert.match(body, /^\/\/ @ts-check\n\/\*\*\s+(\* )?@file/, "is type-checked and says what it is for");
      assert.ok(body.split("\n").length <= 600);
    }
  });
}

for (const page of PAGES) {
  it(`${page} with all that it loads stays below 192 KiB, uncompressed`, () => {
    const bytes = [...reach(join(PUBLIC, page))].reduce((sum, file) => sum + readFileSync(file).length, 0);
    assert.ok(bytes < 192 * 1024, `${bytes} bytes`);
  });
}

/** A page and everything that it links or imports, however deep. @param {string} file @param {Set<string>} [known] @returns {Set<string>} */
function reach(file, known = new Set()) {
  if (known.has(file)) return known;
  known.add(file);
  for (const [, path] of text(file).matchAll(/(?:^import [^"]*|from |\bsrc=|\bhref=)"([^"]+\.(?:js|css|svg))"/gm)) {
    reach(path.startsWith("/") ? join(PUBLIC, path) : join(file, "..", path), known);
  }
  return known;
}
