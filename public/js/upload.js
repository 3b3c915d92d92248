// @ts-check
/**
 * @file Sends a document and gets its text. This is the one request that is not a `fetch`: only `XMLHttpRequest` tells
 * how much of a body has been sent, and from a phone two megabytes take long enough to want to know.
 */

import { ApiError, problemOf } from "./api.js";

/** A document of the largest size, over the slowest line that one would wait for. */
const TIMEOUT_MS = 120_000;

/** @typedef {{text: string, characters: number, cut: boolean}} Found `cut`: the document has more than the server takes out of one */

/**
 * @param {File} file
 * @param {string} type its media type, which may differ from what the browser believes
 * @param {{signal: AbortSignal, onSent: (part: number) => void}} options `onSent` is told the part that left, 0 to 1
 * @returns {Promise<Found>} an `ApiError` with the code `ABORTED` when the signal came first
 */
export function readDocument(file, type, { signal, onSent }) {
  const request = new XMLHttpRequest();
  return new Promise((resolve, reject) => {
    const give = (/** @type {string} */ code, /** @type {string} */ detail) => reject(new ApiError({ status: 0, code, detail }));
    request.open("POST", "/api/documents");
    request.setRequestHeader("content-type", type);
    request.setRequestHeader("accept", "application/json");
    request.responseType = "json";
    request.timeout = TIMEOUT_MS;
    request.upload.addEventListener("progress", ({ loaded, total }) => onSent(total ? loaded / total : 1));
    request.upload.addEventListener("load", () => onSent(1));
    request.addEventListener("error", () => give("NETWORK", "The server could not be reached."));
    request.addEventListener("timeout", () => give("TIMEOUT", "The server did not answer in time."));
    request.addEventListener("abort", () => give("ABORTED", "It was stopped."));
    request.addEventListener("load", () => {
      if (request.status === 200 && request.response) resolve(request.response);
      else reject(problemOf(request.status, request.response));
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
