// @ts-check
/**
 * @file What the pages around the interview share: somebody has to be signed in, and what fails is said in one place with
 * a way out.
 */

import { find } from "../dom.js";
import { explain } from "../explain.js";
import { Notice } from "./notice.js";

export class Desk {
  #api;
  #notice = new Notice(find("notice", HTMLElement));
  #main = find("main", HTMLElement);

  /** @param {import("../api.js").Api} api */
  constructor(api) {
    this.#api = api;
  }

  /**
   * Signs in where that takes no password (the guest of a local server), and shows the page.
   * @param {(me: import("../types.js").Me) => Promise<void>} show
   */
  async open(show) {
    await this.attempt(async () => {
      const me = await this.#api.enter();
      // Whoever decides about others finds the way there on every page.
      for (const link of document.querySelectorAll("nav [data-for=admin]")) /** @type {HTMLElement} */ (link).hidden = !isAdmin(me);
      await show(me);
    });
    this.#main.removeAttribute("aria-busy");
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
    this.#notice.show("fault", title, help, retry && again ? { label: "Try again", act: again } : undefined);
  }

  /** @param {string} title @param {string} help */
  note(title, help) {
    this.#notice.show("note", title, help);
  }
}

/** An organisation's admin; everybody is that of their own personal tenant. @param {import("../types.js").Me} me @returns {boolean} */
export function isAdmin({ tenants: [active] }) {
  return active?.kind === "organisation" && active.role === "admin";
}
