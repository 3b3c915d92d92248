/** @file The pages and these tests are type-checked by their comments; without a run the comments would prove nothing. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { it } from "node:test";

it("types hold", () => {
  const folder = join(import.meta.dirname, "..");
  const { status, stdout, stderr } = spawnSync(join(folder, "node_modules/.bin/tsc"), ["--project", "tsconfig.json"], { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
});
