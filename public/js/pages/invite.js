// @ts-check
/**
 * @file The page behind an invitation's link: what it is, what is agreed to, yes or no. The link's token is read from the
 * page's own address and leaves it in the body of a request only.
 */

import { Api } from "../api.js";
import { find, make, say } from "../dom.js";
import { explain } from "../explain.js";
import { agreeToInvitation, endOf, invitationFacts, invitationNotice } from "../invitation.js";
import { foreseeMicrophone } from "../media/microphone.js";
import { confirmed } from "../view/confirm.js";
import { judge } from "../view/health.js";
import { Notice } from "../view/notice.js";

/** @typedef {import("../invitation.js").Invitation} Invitation */

const token = decodeURIComponent(location.pathname.split("/").pop() ?? "");
const api = new Api();
const main = find("main", HTMLElement);
const form = find("answer", HTMLFormElement);
const accept = find("accept", HTMLButtonElement);
const decline = find("decline", HTMLButtonElement);
const email = find("email", HTMLInputElement);
const read = find("consent", HTMLInputElement);
const recording = find("recording", HTMLInputElement);
const consentError = find("consent-error", HTMLElement);
const notice = new Notice(find("notice", HTMLElement));
/** @type {string[]} */
let lines = [];

async function open() {
  try {
    const [invitation, health] = await Promise.all([api.openInvitation(token), api.health().catch(() => null)]);
    if (invitation.session_id) return showAccepted(invitation.organisation, invitation.session_id);
    show(invitation, judge(health).provider);
  } catch (error) {
    failed(error, open);
  } finally {
    main.removeAttribute("aria-busy");
  }
}

/** @param {Invitation} invitation @param {string} provider */
function show(invitation, provider) {
  say(find("title", HTMLElement), `${invitation.organisation} invites you to an interview`);
  say(find("lede", HTMLElement), "You will talk with an AI interviewer, here in this browser. Please read what follows before you answer.");
  find("facts", HTMLElement).replaceChildren(...invitationFacts(invitation).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  lines = invitationNotice(invitation, provider);
  find("consent-notice", HTMLElement).replaceChildren(...lines.map((line) => make("li", {}, line)));
  find("email-part", HTMLElement).hidden = !invitation.needs_email;
  email.required = invitation.needs_email;
  form.hidden = false;
}

/** @param {string} organisation @param {string} session */
function showAccepted(organisation, session) {
  say(find("title", HTMLElement), "You have accepted");
  say(find("lede", HTMLElement), `Your interview with ${organisation} waits for you, or goes on where it was.`);
  find("go-on", HTMLAnchorElement).href = `/interview/${encodeURIComponent(session)}`;
  find("resume", HTMLElement).hidden = false;
}

/** The link has come to an end: nothing is left to answer. @param {{title: string, help: string}} end */
function showEnd({ title, help }) {
  say(find("title", HTMLElement), title);
  say(find("lede", HTMLElement), help);
  form.hidden = true;
  notice.clear();
  main.focus();
}

/** @param {unknown} error @param {() => void} [again] */
function failed(error, again) {
  const end = endOf(error);
  if (end) return showEnd(end);
  const { title, help, retry } = explain(error);
  const retrying = () => {
    notice.clear();
    again?.();
  };
  notice.show("fault", title, help, again && retry ? { label: "Try again", act: retrying } : undefined);
  if (again) say(find("lede", HTMLElement), "The invitation could not be looked up.");
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault();
  notice.clear();
  if (email.required && email.value.trim() === "") {
    notice.show("fault", "Your e-mail address is needed", "Type the one that this invitation was sent to.");
    return email.focus();
  }
  const missing = [read, recording].find((tick) => !tick.checked);
  if (missing) return askFor(missing);
  busy("Opening the line…");
  try {
    const trouble = await foreseeMicrophone();
    if (trouble) throw trouble;
    const name = find("name", HTMLInputElement).value.trim();
    const answer = { name: name || undefined, email: email.required ? email.value.trim() : undefined, consent: await agreeToInvitation(lines) };
    const { session_id: session } = await api.acceptInvitation(token, answer);
    // The link has done its work: the browser's own button should not lead back to it.
    location.replace(`/interview/${encodeURIComponent(session)}`);
  } catch (error) {
    ready();
    if (/** @type {{code?: string}} */ (error).code === "FORBIDDEN") {
      notice.show("fault", "This is not the address that was invited", "Type the e-mail address that this invitation was sent to.");
      return email.focus();
    }
    failed(error);
  }
}

/** @param {HTMLInputElement} tick */
function askFor(tick) {
  say(consentError, tick === read ? "Please tick the first box: nothing starts before you have read this." : "Please tick the second box: without a record there is no interview here.");
  consentError.hidden = false;
  tick.setAttribute("aria-invalid", "true");
  tick.focus();
}

async function declining() {
  if (!(await confirmed("Decline this invitation?", "The link stops working. Nothing about you is kept.", "Decline", { keeps: "Keep it" }))) return;
  busy("Accept and begin");
  try {
    await api.declineInvitation(token);
    showEnd({ title: "You have declined", help: "Whoever invited you will see that. You can close this page." });
  } catch (error) {
    ready();
    failed(error);
  }
}

/** @param {string} word */
function busy(word) {
  accept.disabled = true;
  decline.disabled = true;
  say(accept, word);
}

function ready() {
  accept.disabled = false;
  decline.disabled = false;
  say(accept, "Accept and begin");
}

form.addEventListener("submit", (event) => void submit(event));
decline.addEventListener("click", () => void declining());
for (const tick of [read, recording]) {
  tick.addEventListener("change", () => {
    consentError.hidden = true;
    tick.removeAttribute("aria-invalid");
  });
}
// Coming back by the browser's own button finds the form as it was left; the buttons must work again.
addEventListener("pageshow", ready);
void open();
