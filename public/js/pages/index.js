// @ts-check
/** @file The start page: what this server is like right now, and the form that begins an interview. */

import { Api } from "../api.js";
import { find, make, say } from "../dom.js";
import { explain } from "../explain.js";
import { foreseeMicrophone } from "../media/microphone.js";
import { Consent } from "../view/consent.js";
import { judge } from "../view/health.js";
import { Notice } from "../view/notice.js";
import { Plans } from "../view/plans.js";
import { wishesOf } from "../wishes.js";

const HEALTH_EVERY_MS = 15_000;

const api = new Api();
const form = find("start", HTMLFormElement);
const begin = find("begin", HTMLButtonElement);
const consent = new Consent();
const plans = new Plans(find("plans", HTMLElement));
const notice = new Notice(find("notice", HTMLElement));

async function showHealth() {
  let health = null;
  try {
    health = await api.health();
  } catch {
    // Shown as "unreachable" below.
  }
  const verdict = judge(health);
  const pulse = find("pulse", HTMLElement);
  pulse.dataset.state = verdict.state;
  say(find("pulse-text", HTMLElement), verdict.word);
  for (const { fact, state, text } of verdict.facts) {
    const value = /** @type {HTMLElement} */ (document.querySelector(`#health [data-fact="${fact}"] dd`));
    if (value.dataset.state === state && value.textContent === text) continue;
    value.dataset.state = state;
    value.replaceChildren(make("span", { class: "dot" }), text);
  }
  say(find("version", HTMLElement), verdict.version);
  consent.showProvider(verdict.provider);
}

async function showPlans() {
  try {
    plans.show(await api.plansForAnyone());
  } catch (error) {
    plans.fail(error);
    begin.disabled = true;
  }
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  notice.clear();
  const agreement = await consent.given();
  if (!agreement) return;
  begin.disabled = true;
  say(begin, "Opening the line…");
  try {
    const trouble = await foreseeMicrophone();
    if (trouble) throw trouble;
    await api.signIn();
    const { session } = await api.createSession(wishesOf(new FormData(form)), agreement);
    location.assign(`/interview/${encodeURIComponent(session.id)}`);
  } catch (error) {
    const { title, help } = explain(error);
    notice.show("fault", title, help);
    begin.disabled = false;
    say(begin, "Start the interview");
  }
}

form.addEventListener("submit", (event) => void submit(event));
// Coming back by the browser's own button finds the form as it was left; the button must work again.
addEventListener("pageshow", () => {
  begin.disabled = false;
  say(begin, "Start the interview");
});
void showPlans();
void showHealth();
setInterval(() => document.visibilityState === "visible" && void showHealth(), HEALTH_EVERY_MS);
