/** @file People with tokens that the operator's own programs would sign (`JWT_SECRET`), so that a page can be anybody's. */

import { createHmac } from "node:crypto";

/** The server under test is started with it. */
export const SECRET = "browser-tests-own-secret-of-thirty-two-bytes";

/** @typedef {{sub: string, name: string, email: string}} Claims */

/** @param {Claims} claims @returns {string} good for an hour */
export function tokenOf(claims) {
  const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: "viva", aud: "viva", exp: Math.floor(Date.now() / 1_000) + 3_600, ...claims })}`;
  return `${body}.${createHmac("sha256", SECRET).update(body).digest("base64url")}`;
}

/** From now on every request of the page is this person's. @param {import("puppeteer-core").Page} page @param {Claims} claims */
export function become(page, claims) {
  return page.setExtraHTTPHeaders({ authorization: `Bearer ${tokenOf(claims)}` });
}

/** Comes by once, without a page: nobody can be given a role before. @param {string} url @param {Claims} claims @returns {Promise<any>} who they are */
export async function visit(url, claims) {
  const response = await fetch(`${url}/api/me`, { headers: { authorization: `Bearer ${tokenOf(claims)}` } });
  if (!response.ok) throw new Error(`GET /api/me: ${response.status} ${await response.text()}`);
  return response.json();
}
