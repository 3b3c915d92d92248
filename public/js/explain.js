// @ts-check
/** @file From stable error codes to words a person can act on. One table, so that no page invents its own. */

/** @type {Record<string, import("./types.js").Explanation>} */
const BY_CODE = {
  mic_denied: {
    title: "The microphone is blocked",
    help: "Allow the microphone for this site in the browser's address bar, then try again.",
    retry: true,
  },
  mic_missing: {
    title: "No microphone was found",
    help: "Connect or switch on a microphone, then try again.",
    retry: true,
  },
  mic_busy: {
    title: "The microphone is in use",
    help: "Another program is holding it. Close that program, then try again.",
    retry: true,
  },
  insecure: {
    title: "This address cannot use a microphone",
    help: "Browsers allow microphones only on https addresses and on this machine itself (127.0.0.1).",
    retry: false,
  },
  file_unplayable: {
    title: "This file cannot be played",
    help: "Choose a sound or video file that this browser plays, for example MP3, M4A, WAV, MP4 or WebM.",
    retry: true,
  },
  play_blocked: {
    title: "The sound is held back",
    help: "The browser waits for a tap before it plays sound.",
    retry: true,
  },
  NETWORK: {
    title: "The server could not be reached",
    help: "Check the connection. Nothing was started.",
    retry: true,
  },
  TIMEOUT: { title: "The server did not answer in time", help: "Try again in a moment.", retry: true },
  NOT_VIVA: { title: "This is not a Viva server", help: "Check the address.", retry: true },
  AUTHENTICATION_FAILED: {
    title: "You are not signed in",
    help: "Sign in at /sign-in on this server, or open the link you were sent.",
    retry: false,
  },
  TOKEN_EXPIRED: { title: "This page waited too long", help: "Load the page again to go on.", retry: false },
  FORBIDDEN: { title: "This interview is not yours", help: "Open it where you started it.", retry: false },
  NOT_FOUND: { title: "There is no such interview", help: "It may have been deleted, or the address is not complete.", retry: false },
  CONSENT_REQUIRED: { title: "Your consent is needed", help: "Read the notice and tick the box to begin.", retry: false },
  CAPACITY_REACHED: {
    title: "All lines are taken",
    help: "This server holds as many interviews as it may. Try again in a few minutes.",
    retry: true,
  },
  VALIDATION_FAILED: { title: "Something was not accepted", help: "Check what you filled in, then try again.", retry: true },
  PAYLOAD_TOO_LARGE: { title: "That is too large", help: "Send less, then try again.", retry: true },
  UNSUPPORTED_MEDIA_TYPE: { title: "This kind of file is not taken", help: "Choose a PDF, Word (.docx), text or Markdown file.", retry: true },
  DOCUMENT_UNREADABLE: { title: "The document cannot be read", help: "Save it in another format, or paste its text.", retry: true },
  RATE_LIMITED: { title: "That was too often", help: "Wait a moment, then try again.", retry: true },
  INVALID_SDP: {
    title: "The call offer was refused",
    help: "This browser described the call in a way the server does not accept. The test page shows the details.",
    retry: true,
  },
  BUDGET_EXHAUSTED: { title: "The budget is used up", help: "Whoever pays for the interviews has to raise it, or wait for the next day or month.", retry: false },
  KEY_NOT_CONFIGURED: { title: "The interviewer has no key", help: "The operator of this server has to configure a model key.", retry: false },
  KEY_REJECTED: { title: "The model refused the server's key", help: "The operator of this server has to check the model key.", retry: false },
  SDP_EXCHANGE_FAILED: { title: "The interviewer could not be called", help: "The model gave no usable answer. Try again.", retry: true },
  UPSTREAM_TIMEOUT: { title: "The interviewer did not answer", help: "The model took too long. Try again in a moment.", retry: true },
  UPSTREAM_RATE_LIMITED: { title: "The interviewer is busy", help: "The model takes no more calls just now. Try again in a moment.", retry: true },
  UPSTREAM_UNAVAILABLE: { title: "The interviewer is out of reach", help: "The model failed several times and is left alone for a moment. Try again soon.", retry: true },
  UPSTREAM_ERROR: { title: "The interviewer has a fault", help: "The model could not be reached, or answered with an error. Try again in a moment.", retry: true },
  WEBRTC_CONNECTION_FAILED: {
    title: "The sound could not get through",
    help: "A firewall or network may block calls. Another network often helps.",
    retry: true,
  },
  DATABASE_UNAVAILABLE: { title: "The record cannot be written", help: "The server's store does not answer. Try again in a moment.", retry: true },
  SKIP_NOT_ALLOWED: { title: "This stage cannot be skipped now", help: "Go on; the interview moves by itself.", retry: false },
  LEGAL_HOLD: { title: "This must be kept for now", help: "The organisation has to keep its records for now. Ask again when that is over.", retry: false },
  SESSION_ENDED: { title: "This interview is over", help: "Its record is kept.", retry: false },
  CONFLICT: { title: "This interview is already on a call", help: "It may be open in another tab. Close the other one, wait a moment, then try again.", retry: true },
  REPLACED: { title: "Opened somewhere else", help: "This interview went on in another tab or window.", retry: false },
  LINE_LOST: { title: "The line was lost", help: "The server could not be reached for over a minute. What was said before is kept.", retry: true },
};

/** @type {import("./types.js").Explanation} */
const UNKNOWN = { title: "Something went wrong", help: "Try again. If it stays, tell the operator of this server.", retry: true };

/** @param {string} code @returns {import("./types.js").Explanation} */
export function explainCode(code) {
  return BY_CODE[code] ?? UNKNOWN;
}

/**
 * @param {unknown} error anything with a `code`, or anything else
 * @returns {import("./types.js").Explanation}
 */
export function explain(error) {
  const { code, status, requestId } = /** @type {{code?: string, status?: number, requestId?: string}} */ (error ?? {});
  const found = BY_CODE[code ?? ""] ?? (status === 401 ? BY_CODE.AUTHENTICATION_FAILED : undefined);
  if (found) return found;
  const trace = [code, requestId].filter(Boolean).join(", ");
  return trace ? { ...UNKNOWN, help: `${UNKNOWN.help} (${trace})` } : UNKNOWN;
}
