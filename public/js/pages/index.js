// @ts-check
/** @file The start page: what this server is like right now, and the form that begins an interview. */

import { Api } from "../api.js";
import { find, make, say } from "../dom.js";
import { explain } from "../explain.js";
import { length } from "../format.js";
import { foreseeMicrophone } from "../media/microphone.js";
import { Notice } from "../view/notice.js";
import { judge } from "../view/health.js";

const HEALTH_EVERY_MS = 15_000;

const api = new Api();
const form = find("start", HTMLFormElement);
const begin = find("begin", HTMLButtonElement);
const consent = find("consent", HTMLInputElement);
const consentError = find("consent-error", HTMLElement);
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
  say(find("consent-provider", HTMLElement), verdict.provider);
}

async function showPlans() {
  const box = find("plans", HTMLElement);
  try {
    const plans = await api.plansForAnyone();
    box.replaceChildren(...plans.map(planChoice));
  } catch (error) {
    const { title, help } = explain(error);
    box.replaceChildren(make("p", { class: "field-error" }, `${title}. ${help}`));
    begin.disabled = true;
  }
  box.removeAttribute("aria-busy");
}

/** @param {import("../types.js").Plan} plan @param {number} index */
function planChoice({ name, label, stages }, index) {
  const choice = /** @type {HTMLInputElement} */ (make("input", { type: "radio", name: "plan", value: name }));
  choice.checked = index === 0;
  const seconds = stages.reduce((sum, { limitSeconds }) => sum + limitSeconds, 0);
  const facts = `${stages.length} stages, at most ${length(seconds)}`;
  return make("label", { class: "plan" }, choice, make("span", {}, make("strong", {}, label), make("span", { class: "aside" }, facts)));
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  notice.clear();
  if (!consent.checked) return askForConsent();
  begin.disabled = true;
  say(begin, "Opening the line…");
  try {
    const trouble = await foreseeMicrophone();
    if (trouble) throw trouble;
    await api.signIn();
    const { session } = await api.createSession(wishes());
    location.assign(`/interview/${encodeURIComponent(session.id)}`);
  } catch (error) {
    const { title, help } = explain(error);
    notice.show("fault", title, help);
    begin.disabled = false;
    say(begin, "Start the interview");
  }
}

function askForConsent() {
  consentError.hidden = false;
  say(consentError, "Please tick the box: nothing starts without your consent.");
  consent.setAttribute("aria-invalid", "true");
  consent.focus();
}

/** Empty fields are left out rather than sent as empty. */
function wishes() {
  const filled = [...new FormData(form)].map(([key, value]) => [key, String(value).trim()]).filter(([, value]) => value !== "");
  return Object.fromEntries(filled);
}

form.addEventListener("submit", (event) => void submit(event));
consent.addEventListener("change", () => {
  consentError.hidden = true;
  consent.removeAttribute("aria-invalid");
});
// Coming back by the browser's own button finds the form as it was left; the button must work again.
addEventListener("pageshow", () => {
  begin.disabled = false;
  say(begin, "Start the interview");
});
void showPlans();
void showHealth();
setInterval(() => document.visibilityState === "visible" && void showHealth(), HEALTH_EVERY_MS);
