// @ts-check
/**
 * @file The HTTP API: paths, credentials, and the one error shape (`application/problem+json`).
 * It knows nothing of pages, and it must never put a ticket into a URL or an error text.
 */

import { standing } from "./consent.js";

/** A request that has no answer after this long has failed: the slowest honest answer is an upstream time-out of 10 s. */
const TIMEOUT_MS = 15_000;

/** The `Date` header knows whole seconds only: a clock that is off by less is not off. */
const CLOCK_SLACK_MS = 2_000;

/** Whose keys. @typedef {"user" | "tenant"} Owner */

/** A refusal, or no answer at all (`status` 0, code `NETWORK`). */
export class ApiError extends Error {
  /** @param {{status: number, code: string, detail: string, requestId?: string, retryAfterMs?: number}} problem */
  constructor({ status, code, detail, requestId, retryAfterMs }) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}

export class Api {
  #base;
  #ticket;
  /** What the server's clock is ahead of this machine's; people's clocks are sometimes minutes off. */
  #aheadMs = 0;

  /**
   * @param {{base?: string, ticket?: string}} [options] `base` is an origin, empty for the page's own;
   *   with a `ticket` requests carry it as Bearer and no cookie.
   */
  constructor({ base = "", ticket } = {}) {
    this.#base = base.replace(/\/+$/, "");
    this.#ticket = ticket;
  }

  /** Now by the server's clock, as far as its last answer told. @returns {number} Unix milliseconds */
  now() {
    return Date.now() + this.#aheadMs;
  }

  /** `/health` answers 503 with the same body when it is unhealthy: that is news, not an error. @returns {Promise<import("./types.js").Health>} */
  async health() {
    const response = await this.#send("GET", "/health");
    return response.json().catch(() => {
      throw new ApiError({ status: response.status, code: "NOT_VIVA", detail: "This address does not answer like Viva." });
    });
  }

  /** @returns {Promise<import("./types.js").Me>} */
  me() {
    return this.#json("GET", "/api/me");
  }

  /** Signs in as the local guest. Where there is none, somebody else has to sign in first. @returns {Promise<void>} */
  async guest() {
    try {
      await this.#ok("POST", "/auth/guest");
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      throw new ApiError({ status: 401, code: "AUTHENTICATION_FAILED", detail: "Sign in first.", requestId: error.requestId });
    }
  }

  /** What the sign-in page can offer. @returns {Promise<{guest: boolean, providers: {id: string, label: string}[]}>} */
  signInWays() {
    return this.#json("GET", "/auth/providers");
  }

  /** Signs in as the guest only when nobody is signed in. @returns {Promise<"already" | "guest">} */
  async signIn() {
    try {
      await this.me();
      return "already";
    } catch (error) {
      await this.#guestAfter(error);
      return "guest";
    }
  }

  /** Who is here; where nobody is and guests are welcome, the guest signs in. @returns {Promise<import("./types.js").Me>} */
  async enter() {
    try {
      return await this.me();
    } catch (error) {
      await this.#guestAfter(error);
      return this.me();
    }
  }

  /** Signs out, of this browser or of all. @param {"here" | "everywhere"} scope @returns {Promise<void>} */
  async signOut(scope) {
    await this.#ok("POST", "/auth/logout", { everywhere: scope === "everywhere" });
  }

  /** The browser gets another secret in the place of the one it has, good for longer. @returns {Promise<void>} */
  async renewSignIn() {
    await this.#ok("POST", "/auth/session", {});
  }

  /** From now on the caller acts in this tenant. @param {string} tenant @returns {Promise<void>} */
  async actIn(tenant) {
    await this.#ok("POST", "/api/me/tenant", { tenant });
  }

  /** @returns {Promise<import("./types.js").Plan[]>} */
  async plans() {
    return (await this.#json("GET", "/api/plans")).plans;
  }

  /**
   * The plans, for somebody who has not signed in yet: where only guests and users may see them, the guest signs in.
   * @returns {Promise<import("./types.js").Plan[]>}
   */
  async plansForAnyone() {
    try {
      return await this.plans();
    } catch (error) {
      await this.#guestAfter(error);
      return this.plans();
    }
  }

  /** Where there are no guests, what was wrong before stays what is wrong. @param {unknown} error */
  async #guestAfter(error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    await this.guest().catch((refusal) => {
      throw refusal.status === 403 ? error : refusal;
    });
  }

  /**
   * @param {import("./types.js").Wishes} wishes
   * @param {import("./types.js").Agreement} consent what was agreed to just now
   * @returns {Promise<{session: import("./types.js").Session, ticket: import("./types.js").Ticket, ws_url: string}>}
   */
  createSession(wishes, consent) {
    return this.#json("POST", "/api/sessions", { kind: "interview", ...wishes, consent });
  }

  /**
   * Calls, the newest first.
   * @param {{limit: number, before?: string | null}} part `before`: the `next` of the part that came before
   * @returns {Promise<{items: import("./types.js").Session[], next: string | null}>}
   */
  sessions({ limit, before }) {
    const from = before ? `&before=${encodeURIComponent(before)}` : "";
    return this.#json("GET", `/api/sessions?limit=${limit}${from}`);
  }

  /**
   * Calls that are under way, on whichever machine. A part may be empty and still not the last.
   * @param {{limit: number, before?: string | null}} part as for `sessions`
   * @returns {Promise<{items: import("./types.js").Session[], next: string | null}>}
   */
  sessionsUnderWay({ limit, before }) {
    return this.#json("GET", `/api/sessions?live=true&limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
  }

  /** @param {string} id @returns {Promise<import("./types.js").Session>} */
  session(id) {
    return this.#json("GET", `/api/sessions/${encodeURIComponent(id)}`);
  }

  /** What was agreed to before an interview, oldest first. @param {string} id @returns {Promise<import("./types.js").GivenConsent[]>} */
  async consents(id) {
    return (await this.#json("GET", `/api/sessions/${encodeURIComponent(id)}/consents`)).items;
  }

  /**
   * A fresh ticket for an interview that was agreed to before; nothing is asked again, so it rests on that consent.
   * @param {string} id @returns {Promise<{ticket: import("./types.js").Ticket, ws_url: string}>}
   */
  async mintTicket(id) {
    const consent = standing(await this.consents(id));
    if (!consent) throw new ApiError({ status: 422, code: "CONSENT_REQUIRED", detail: "Nothing is agreed to." });
    return this.#json("POST", `/api/sessions/${encodeURIComponent(id)}/tickets`, { consent });
  }

  /**
   * Takes the caller's own consent back; a running call is hung up.
   * @param {string} id @returns {Promise<{session_id: string, ended_by: string | null}>}
   */
  withdrawConsent(id) {
    return this.#json("POST", `/api/sessions/${encodeURIComponent(id)}/consent/withdraw`);
  }

  /** Deletes an interview with its record. @param {string} id @returns {Promise<void>} */
  async eraseSession(id) {
    await this.#ok("DELETE", `/api/sessions/${encodeURIComponent(id)}`);
  }

  /** Erases the caller, everywhere. @returns {Promise<void>} */
  async eraseMe() {
    await this.#ok("DELETE", "/api/me");
  }

  /** Interviews that were accepted in this browser before anybody signed in. @returns {Promise<import("./types.js").Claimable[]>} */
  async claims() {
    return (await this.#json("GET", "/api/claims")).items;
  }

  /** Makes one of them the caller's. @param {string} session @returns {Promise<{session_id: string, tenant_id: string}>} */
  claim(session) {
    return this.#json("POST", "/api/claims", { session_id: session });
  }

  /** Ends a session; ending it twice is harmless. @param {string} id @returns {Promise<import("./types.js").Session>} */
  end(id) {
    return this.#json("POST", `/api/sessions/${encodeURIComponent(id)}/end`);
  }

  /** @param {string} id @returns {Promise<import("./types.js").Transcript>} */
  transcript(id) {
    return this.#json("GET", `${transcriptPath(id)}?format=json`);
  }

  /** The model keys of the caller, or of the tenant that they act in. @param {Owner} owner @returns {Promise<import("./types.js").ModelKey[]>} */
  keys(owner) {
    return this.#json("GET", `/api/${owner}/keys`);
  }

  /**
   * Asks the provider about a key and stores it; a refused one is not stored.
   * @param {Owner} owner @param {string} key @returns {Promise<import("./types.js").ModelKey>}
   */
  saveKey(owner, key) {
    return this.#json("PUT", `/api/${owner}/keys/openai`, { key });
  }

  /** @param {Owner} owner @returns {Promise<void>} */
  async deleteKey(owner) {
    await this.#ok("DELETE", `/api/${owner}/keys/openai`);
  }

  /** Asks the provider about the stored key. @param {Owner} owner @returns {Promise<{valid: boolean | null, reason?: string}>} */
  validateKey(owner) {
    return this.#json("POST", `/api/${owner}/keys/validate`, {});
  }

  /**
   * Who belongs to the tenant that the caller acts in.
   * @param {{limit: number, before?: string | null}} part as for `sessions`
   * @returns {Promise<{items: import("./types.js").Member[], next: string | null}>}
   */
  members({ limit, before }) {
    return this.#json("GET", `/api/members?limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
  }

  /** Somebody who has signed in here once. @param {string} email @param {import("./types.js").Role} role @returns {Promise<void>} */
  async addMember(email, role) {
    await this.#ok("POST", "/api/members", { email, role });
  }

  /** @param {string} user @param {import("./types.js").Role} role @returns {Promise<void>} */
  async changeRole(user, role) {
    await this.#ok("PATCH", `/api/members/${encodeURIComponent(user)}`, { role });
  }

  /** @param {string} user @returns {Promise<void>} */
  async removeMember(user) {
    await this.#ok("DELETE", `/api/members/${encodeURIComponent(user)}`);
  }

  /**
   * Invitations of the tenant that the caller acts in.
   * @param {{limit: number, before?: string | null}} part as for `sessions`
   * @returns {Promise<{items: import("./types.js").SentInvitation[], next: string | null}>}
   */
  invitations({ limit, before }) {
    return this.#json("GET", `/api/invitations?limit=${limit}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
  }

  /**
   * @param {{session: import("./types.js").Wishes, email?: string, contact?: string, expires_in_hours?: number}} wanted
   * @returns {Promise<{invitation: import("./types.js").SentInvitation, url: string}>} with the link, this once
   */
  invite(wanted) {
    return this.#json("POST", "/api/invitations", wanted);
  }

  /** @param {string} id @returns {Promise<void>} */
  async takeBackInvitation(id) {
    await this.#ok("DELETE", `/api/invitations/${encodeURIComponent(id)}`);
  }

  /** How the tenant that the caller acts in is set up. @returns {Promise<import("./types.js").TenantRules>} */
  rules() {
    return this.#json("GET", "/api/tenant");
  }

  /** @param {Partial<import("./types.js").TenantRules>} changed @returns {Promise<import("./types.js").TenantRules>} as it is then */
  changeRules(changed) {
    return this.#json("PATCH", "/api/tenant", changed);
  }

  /**
   * What was done in the tenant, the newest first.
   * @param {{limit: number, before?: number | null}} part
   * @returns {Promise<{items: import("./types.js").AuditRow[], next: number | null}>}
   */
  async audit({ limit, before }) {
    const { items, next = null } = await this.#json("GET", `/api/audit?limit=${limit}${before ? `&before=${before}` : ""}`);
    return { items, next };
  }

  /** @returns {Promise<import("./types.js").AccessKey[]>} */
  async accessKeys() {
    return (await this.#json("GET", "/api/access-keys")).items;
  }

  /**
   * @param {{name: string, scopes: string[], expires_in_days?: number}} wanted
   * @returns {Promise<import("./types.js").AccessKey & {value: string}>} with the key itself, this once
   */
  makeAccessKey(wanted) {
    return this.#json("POST", "/api/access-keys", wanted);
  }

  /** @param {string} id @returns {Promise<void>} */
  async revokeAccessKey(id) {
    await this.#ok("DELETE", `/api/access-keys/${encodeURIComponent(id)}`);
  }

  /** What calls consumed. @param {{group: string, from?: string, to?: string}} wanted days as `2026-01-31`; none: the last thirty @returns {Promise<import("./types.js").Usage>} */
  usage({ group, from, to }) {
    const days = Object.entries({ from, to }).flatMap(([name, day]) => (day ? [`&${name}=${encodeURIComponent(day)}`] : []));
    return this.#json("GET", `/api/usage?group=${encodeURIComponent(group)}${days.join("")}`);
  }

  /** @returns {Promise<import("./types.js").Budget[]>} */
  async budgets() {
    return (await this.#json("GET", "/api/budgets")).items;
  }

  /** @param {string} scope @param {string} period @param {{limit_usd: number, hard: boolean}} budget @returns {Promise<void>} */
  async setBudget(scope, period, budget) {
    await this.#ok("PUT", `/api/budgets/${scope}/${period}`, budget);
  }

  /** @param {string} scope @param {string} period @returns {Promise<void>} */
  async removeBudget(scope, period) {
    await this.#ok("DELETE", `/api/budgets/${scope}/${period}`);
  }

  /** What an invitation's link is for. @param {string} token @returns {Promise<import("./invitation.js").Invitation>} */
  openInvitation(token) {
    return this.#json("POST", "/api/invitations/open", { token });
  }

  /**
   * Signs this browser in as the candidate.
   * @param {string} token
   * @param {{name?: string, email?: string, consent: import("./types.js").Agreement}} answer
   * @returns {Promise<{session_id: string}>}
   */
  acceptInvitation(token, answer) {
    return this.#json("POST", "/api/invitations/accept", { token, ...answer });
  }

  /** @param {string} token @returns {Promise<void>} */
  async declineInvitation(token) {
    await this.#ok("POST", "/api/invitations/decline", { token });
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  async #json(method, path, body) {
    const response = await this.#ok(method, path, body);
    return response.json();
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<Response>} */
  async #ok(method, path, body) {
    const response = await this.#send(method, path, body);
    if (response.ok) return response;
    throw await problem(response);
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<Response>} */
  async #send(method, path, body) {
    const headers = new Headers({ accept: "application/json" });
    if (body) headers.set("content-type", "application/json");
    if (this.#ticket) headers.set("authorization", `Bearer ${this.#ticket}`);
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        body: body ? JSON.stringify(body) : undefined,
        credentials: this.#ticket ? "omit" : "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      this.#compareClocks(response);
      return response;
    } catch (cause) {
      const late = cause instanceof DOMException && cause.name === "TimeoutError";
      throw new ApiError({
        status: 0,
        code: late ? "TIMEOUT" : "NETWORK",
        detail: late ? "The server did not answer in time." : "The server could not be reached.",
      });
    }
  }

  /** @param {Response} response another origin's shows no date, and counts as being right */
  #compareClocks(response) {
    const ahead = Date.parse(response.headers.get("date") ?? "") - Date.now();
    if (!Number.isNaN(ahead)) this.#aheadMs = Math.abs(ahead) > CLOCK_SLACK_MS ? ahead : 0;
  }
}

/** @param {string} id @returns {string} */
export function transcriptPath(id) {
  return `/api/sessions/${encodeURIComponent(id)}/transcript`;
}

/** What is written down of an interview, as it is written. @param {string} id @returns {string} */
export function eventsPath(id) {
  return `/api/sessions/${encodeURIComponent(id)}/events`;
}

/** @param {Response} response @returns {Promise<ApiError>} */
async function problem(response) {
  return problemOf(response.status, await response.json().catch(() => ({})));
}

/** @param {number} status @param {any} body what the refusal said, as far as it could be read @returns {ApiError} */
export function problemOf(status, body) {
  return new ApiError({
    status,
    code: typeof body?.code === "string" ? body.code : `HTTP_${status}`,
    detail: body?.detail ?? body?.title ?? `The server answered ${status}.`,
    requestId: body?.request_id,
    retryAfterMs: body?.retry_after_ms,
  });
}
