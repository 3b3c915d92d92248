/** @file An organisation with an admin, whose token a secret of the test's own signs. */

import { createHmac } from "node:crypto";

/** Setting this makes the server believe the tokens below; there is no guest then. */
export const SECRET = "a-secret-of-the-browser-tests-alone";

/** @param {object} part */
const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");

/** @param {string} subject */
function token(subject) {
  const said = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded({ iss: "viva", aud: "viva", sub: subject, name: "Ada Admin", exp: Math.floor(Date.now() / 1_000) + 3_600 })}`;
  return `${said}.${createHmac("sha256", SECRET).update(said).digest("base64url")}`;
}

export class Organisation {
  #url;
  #token;

  /** @param {string} url @param {string} secret */
  constructor(url, secret) {
    this.#url = url;
    this.#token = secret;
  }

  /** @param {import("./viva.js").Viva} viva started with `JWT_SECRET` @param {string} name @returns {Promise<Organisation>} */
  static async found(viva, name) {
    const subject = `admin of ${name}`;
    const bearer = token(subject);
    const organisation = new Organisation(viva.url, bearer);
    const { user, tenants } = await organisation.ask("GET", "/api/me");
    viva.command("grant", "--user", user.id, "--tenant", name, "--role", "admin", "--create-tenant");
    const own = tenants[0].id;
    // The server follows within a minute; choosing a tenant makes it look again.
    await organisation.ask("POST", "/api/me/tenant", { tenant: own });
    const { tenants: now } = await organisation.ask("GET", "/api/me");
    const there = now.find((/** @type {{name: string}} */ tenant) => tenant.name === name);
    await organisation.ask("POST", "/api/me/tenant", { tenant: there.id });
    return organisation;
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  async ask(method, path, body) {
    const headers = { authorization: `Bearer ${this.#token}`, ...(body && { "content-type": "application/json" }) };
    const response = await fetch(this.#url + path, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  }

  /** @param {object} [more] @returns {Promise<{url: string, invitation: {id: string, session_id: string}}>} */
  invite(more = {}) {
    return this.ask("POST", "/api/invitations", { session: { plan: "short", job_role: "Bridge keeper", language: "en" }, contact: "Grace, room 4", ...more });
  }
}
