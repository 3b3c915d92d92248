// @ts-check
/** @file From a page that needs somebody signed in to the sign-in page, and back. */

import { ApiError } from "./api.js";

/**
 * Leaves for the sign-in page when that is what is missing.
 * @param {unknown} error
 * @returns {boolean} whether it leaves
 */
export function signInFirst(error) {
  if (!(error instanceof ApiError) || error.status !== 401) return false;
  location.assign(`/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`);
  return true;
}
