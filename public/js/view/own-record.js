// @ts-check
/** @file What the person of an interview may ask about its record: the consent, taking it back, and erasing all of it. */

import { consentOf } from "../call-words.js";
import { find, say } from "../dom.js";
import { refusalOf } from "../rights-words.js";
import { FROM_BACKUPS, showErased } from "./erased.js";
import { asksBack, eraseSession } from "./erasing.js";
import { refuse } from "./refusal.js";

export class OwnRecord {
  #api;
  #session;
  #withdraw = find("withdraw", HTMLButtonElement);
  #erase = find("erase", HTMLButtonElement);
  #refusal = find("rights-refusal", HTMLElement);
  #whose;

  /** @param {import("../api.js").Api} api @param {import("../types.js").Session} session @param {"own" | "another's"} whose */
  constructor(api, session, whose) {
    this.#api = api;
    this.#session = session;
    this.#whose = whose;
    this.#withdraw.hidden = true;
    if (whose === "another's") say(find("rights-title", HTMLElement), "The record");
    this.#withdraw.onclick = () => void this.#takeBack();
    this.#erase.onclick = () => void this.#eraseIt();
  }

  async show() {
    const { words, isGiven } = consentOf(await this.#api.consents(this.#session.id));
    say(find("agreed", HTMLElement), words);
    this.#withdraw.hidden = !isGiven || this.#whose !== "own";
    find("rights", HTMLElement).hidden = false;
  }

  async #takeBack() {
    if (!(await asksBack(this.#session.ended_at ? "over" : "running"))) return;
    await this.#try(async () => {
      await this.#api.withdrawConsent(this.#session.id);
      await this.show();
      this.#erase.focus();
    });
  }

  async #eraseIt() {
    await this.#try(async () => {
      if (await eraseSession(this.#api, this.#session.id)) showErased(`This interview is not stored here any more. ${FROM_BACKUPS}`, { href: "/past-calls", label: "To the past calls" });
    });
  }

  /** @param {() => Promise<void>} act */
  async #try(act) {
    refuse(this.#refusal, "");
    try {
      await act();
    } catch (error) {
      refuse(this.#refusal, refusalOf(error));
    }
  }
}
