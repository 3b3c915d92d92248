/** @file Screenshots for a person to look at: only when `SCREENSHOTS` names a folder. Nothing is compared. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

const FOLDER = process.env.SCREENSHOTS;
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

/**
 * Takes the page at phone and desktop width, and puts its own width back.
 * @param {import("puppeteer-core").Page} page
 * @param {string} name
 * @param {"screen" | "whole"} [extent]
 */
export async function snap(page, name, extent = "screen") {
  if (!FOLDER) return;
  await mkdir(FOLDER, { recursive: true });
  const before = page.viewport();
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewport(viewport);
    await page.screenshot({ path: join(FOLDER, `${name}-${size}.png`), fullPage: extent === "whole" });
  }
  if (before) await page.setViewport(before);
}
