// @ts-check
/**
 * @file What the pages around the interview share: somebody has to be signed in, and what fails is said in one place with
 * a way out.
 */

import { find } from "../dom.js";
import { explain } from "../explain.js";
import { signInFirst } from "../sign-in-first.js";
import { Notice } from "./notice.js";

/** A sign-in lasts half a day. Whoever leaves a page open comes back to it signed in, and with another secret. */
const RENEW_EVERY_MS = 30 * 60 * 1_000;

export class Desk {
  #api;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #renewing;
  #notice = new Notice(find("notice", HTMLElement));
  #main = find("main", HTMLElement);

  /** @param {import("../api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Shows the page to whoever is signed in. The guest of a local server is signed in on the way; anybody else who is not
   * goes to the sign-in page and comes back.
   * @param {(me: import("../types.js").Me) => Promise<void>} show
   */
  async open(show) {
    await this.attempt(async () => {
      const me = await this.#enter();
      if (!me) return;
      offerAdmin(me);
      // Missing one is no news: the next one follows, and in the end the sign-in page.
      if (me.user.kind === "member") this.#renewing ??= setInterval(() => void this.#api.renewSignIn().catch(() => {}), RENEW_EVERY_MS);
      await show(me);
    });
    this.#main.removeAttribute("aria-busy");
  }

  /** @returns {Promise<import("../types.js").Me | null>} null: on the way to the sign-in page */
  async #enter() {
    try {
      return await this.#api.enter();
    } catch (error) {
      if (signInFirst(error)) return null;
      throw error;
    }
  }

  /** Does it, and says so when it fails; what failed may be tried again. @param {() => Promise<void>} act @returns {Promise<boolean>} whether it worked */
  async attempt(act) {
    this.#notice.clear();
    try {
      await act();
      return true;
    } catch (error) {
      this.fail(error, () => void this.attempt(act));
      return false;
    }
  }

  /** @param {unknown} error @param {() => void} [again] */
  fail(error, again) {
    const { title, help, retry } = explain(error);
    // Signed out while the page was open: what stands on it stays until its reader leaves.
    if (/** @type {{status?: number}} */ (error).status === 401) return this.#notice.show("fault", title, "Sign in again to go on.", { label: "Sign in", act: () => void signInFirst(error) });
    this.#notice.show("fault", title, help, retry && again ? { label: "Try again", act: again } : undefined);
  }
}

/** An organisation's admin; everybody is that of their own personal tenant. @param {import("../types.js").Me} me @returns {boolean} */
export function isAdmin({ tenants: [active] }) {
  return active?.kind === "organisation" && active.role === "admin";
}

/** Whoever decides about others finds the way there on every page. @param {import("../types.js").Me} me */
export function offerAdmin(me) {
  for (const link of document.querySelectorAll("nav [data-for=admin]")) /** @type {HTMLElement} */ (link).hidden = !isAdmin(me);
  // A candidate is interviewed, and makes no interviews.
  const isCandidate = me.tenants[0]?.role === "candidate";
  for (const link of document.querySelectorAll('a[href="/start"]')) /** @type {HTMLElement} */ (link).hidden = isCandidate;
}
