/** @file Real browsers: Debian's Chromium by its own protocol and Firefox ESR by WebDriver BiDi. */

import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";

const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
const FIREFOX = process.env.FIREFOX_BIN ?? "/usr/bin/firefox-esr";

/** Loopback candidates make the tests work without any network; the rest keeps the browser quiet and unasked. */
const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--allow-loopback-in-peer-connection",
  "--autoplay-policy=no-user-gesture-required",
];

const FIREFOX_PREFS = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.loopback": true,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  "browser.safebrowsing.enabled": false,
  "app.update.disabledForTesting": true,
};

/** @typedef {"chromium" | "firefox"} BrowserName */

/** Those that are installed. A missing browser is a failure of the test run, not a reason to skip: see `both`. */
export const BROWSERS = /** @type {const} */ (["chromium", "firefox"]);

/**
 * @param {BrowserName} name
 * @param {{microphone?: {path: string} | "denied"}} [options]
 * @returns {Promise<import("puppeteer-core").Browser>}
 */
export async function launch(name, { microphone } = {}) {
  const executablePath = name === "chromium" ? CHROMIUM : FIREFOX;
  if (!existsSync(executablePath)) throw new Error(`${name} is not installed at ${executablePath}; scripts/test installs it`);
  if (name === "firefox") {
    return puppeteer.launch({ browser: "firefox", executablePath, headless: true, extraPrefsFirefox: FIREFOX_PREFS });
  }
  const args = [...CHROMIUM_ARGS, "--use-fake-device-for-media-stream"];
  if (microphone !== "denied") args.push("--use-fake-ui-for-media-stream");
  // `%noloop`: an endless tape would talk over everything the interviewer says.
  if (typeof microphone === "object") args.push(`--use-file-for-fake-audio-capture=${microphone.path}%noloop`);
  return puppeteer.launch({ browser: "chrome", executablePath, headless: true, args });
}
