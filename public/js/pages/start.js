// @ts-check
/** @file Setting up an interview in full: who, what for, with which documents, in how much time. */

import { Api } from "../api.js";
import { find, say } from "../dom.js";
import { explain } from "../explain.js";
import { foreseeMicrophone } from "../media/microphone.js";
import { signInFirst } from "../sign-in-first.js";
import { Consent } from "../view/consent.js";
import { offerAdmin } from "../view/desk.js";
import { DocumentField, catchStrayFiles } from "../view/document-field.js";
import { FieldErrors, fieldOf } from "../view/field-errors.js";
import { judge } from "../view/health.js";
import { Notice } from "../view/notice.js";
import { Plans } from "../view/plans.js";
import { wishesOf } from "../wishes.js";

/** What the API takes of each document. */
const MAX_RESUME = 3_000;
const MAX_JOB = 2_000;

const api = new Api();
const form = find("start", HTMLFormElement);
const begin = find("begin", HTMLButtonElement);
const pace = find("time", HTMLSelectElement);
const notice = new Notice(find("notice", HTMLElement));
const consent = new Consent();
const plans = new Plans(find("plans", HTMLElement));
const errors = new FieldErrors(form);
const documents = { resume_text: new DocumentField("resume", MAX_RESUME), job_description: new DocumentField("job", MAX_JOB) };

async function showPlans() {
  try {
    plans.show(await api.plansForAnyone());
    plans.pace(Number(pace.value));
    // Without it only a link is missing.
    void api.me().then(offerAdmin, () => {});
  } catch (error) {
    if (signInFirst(error)) return;
    plans.fail(error);
    begin.disabled = true;
  }
}

async function showProvider() {
  const health = await api.health().catch(() => null);
  consent.showProvider(judge(health).provider);
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  notice.clear();
  errors.clear();
  for (const [name, { fault }] of Object.entries(documents)) if (fault) return void errors.show(name, fault);
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
    refused(error);
    ready();
  }
}

/** Beside the field that it names, else above the button. @param {unknown} error */
function refused(error) {
  const field = fieldOf(error);
  const words = /** @type {Error} */ (error).message?.replace(/^`[a-z_]+`/, "This");
  if (field && errors.show(field, words)) return;
  const { title, help } = explain(error);
  if (/** @type {{status?: number}} */ (error).status !== 401) return notice.show("fault", title, help);
  // Signed out while the form was filled in: to leave this page would be to lose all of it.
  const again = "What you filled in stays here. Sign in again in another tab, come back, and press the button once more.";
  notice.show("wait", title, again, { label: "Sign in", act: () => void open("/sign-in", "_blank", "noopener") });
}

function ready() {
  begin.disabled = false;
  say(begin, "Start the interview");
}

form.addEventListener("submit", (event) => void submit(event));
pace.addEventListener("change", () => plans.pace(Number(pace.value)));
// Coming back by the browser's own button finds the form as it was left; the button must work again.
addEventListener("pageshow", ready);
catchStrayFiles();
void showPlans();
void showProvider();
