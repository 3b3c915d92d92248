// @ts-check
/**
 * @file What a person agrees to before anything is said. One text for every page that asks: whoever changes a line gives
 * the notice a new version, because stored consents name it.
 */

export const NOTICE = Object.freeze({ version: "2026-11-21", locale: "en" });

/** The notice of transcripts and translations. */
export const LISTENING_NOTICE = Object.freeze({ version: "listening-2026-11-21", locale: "en" });

/** The notice of the test page, which stands in its own words above the button. */
export const TEST_NOTICE = Object.freeze({ version: "test-2026-11-21", locale: "en" });

/**
 * What somebody who comes back to an interview goes on agreeing to: the newest consent that was not taken back.
 * @param {import("./types.js").GivenConsent[]} given oldest first
 * @returns {import("./types.js").Agreement | null}
 */
export function standing(given) {
  const consent = given.findLast(({ withdrawn_at }) => !withdrawn_at);
  if (!consent) return null;
  const { version, locale, text_hash } = consent;
  return text_hash ? { version, locale, text_hash } : { version, locale };
}

/**
 * The lines as they are shown.
 * @param {string} provider the sentence that says where the voice goes
 * @returns {string[]}
 */
export function noticeLines(provider) {
  return [
    "You talk to an AI, not to a person.",
    provider,
    "Both sides’ words are stored here as text. No audio is stored here.",
    "What you fill in on this page is stored with the interview. The model is told your name, the role and the level, and is shown your documents only if you allow it.",
    "You can stop at any time. If you would rather not speak with an AI, ask whoever invited you for another way.",
  ];
}

/**
 * The lines of transcripts and translations.
 * @param {string} provider the sentence that says where the sound goes
 * @returns {string[]}
 */
export function listeningLines(provider) {
  return [
    "A machine listens, not a person.",
    provider,
    "What is said is stored here as text. No audio is stored here.",
    "Everybody who can be heard has to know about it and agree; in many places the law asks for that.",
    "You can stop at any time.",
  ];
}

/**
 * Agreement to these lines. The hash is over the text as it was shown, one line feed between lines; browsers compute it
 * only on addresses that could open a microphone, so elsewhere it is left out.
 * @param {string[]} lines
 * @param {{version: string, locale: string}} [notice] another notice than the usual one
 * @returns {Promise<import("./types.js").Agreement>}
 */
export async function agreeTo(lines, { version, locale } = NOTICE) {
  const { subtle } = globalThis.crypto;
  if (!subtle) return { version, locale };
  const hash = await subtle.digest("SHA-256", new TextEncoder().encode(lines.join("\n")));
  return { version, locale, text_hash: [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}
