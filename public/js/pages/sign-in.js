// @ts-check
/** @file The sign-in page: what this server offers, as plain links; a guest of this machine signs in by a button. */

import { Api } from "../api.js";
import { find, make, say } from "../dom.js";
import { explain } from "../explain.js";
import { Notice } from "../view/notice.js";

/** What `/auth/callback` sends back, in words. */
const REASONS = Object.freeze({
  denied: "The sign-in was cancelled at the provider.",
  expired: "The sign-in took too long, or was begun in another browser.",
  failed: "The provider's answer could not be used.",
  unavailable: "The provider could not be reached.",
});

const api = new Api();
const ways = find("ways", HTMLElement);
const notice = new Notice(find("notice", HTMLElement));
const asked = new URLSearchParams(location.search);

/** Only a path of this server: an address from the outside must not lead away from it. */
function next() {
  const path = asked.get("next") ?? "/";
  return path.startsWith("/") && !path.startsWith("//") && !path.includes("\\") ? path : "/";
}

/** @param {{id: string, label: string}} provider */
function way({ id, label }) {
  const href = `/auth/login?${new URLSearchParams({ provider: id, next: next() })}`;
  return make("li", {}, make("a", { class: "button", href }, `Continue with ${label}`));
}

function guestWay() {
  const button = make("button", { type: "button", class: "button" }, "Continue as guest");
  button.addEventListener("click", () => void enter(api.guest()));
  return make("li", {}, button);
}

/** @param {Promise<void>} signedIn */
async function enter(signedIn) {
  try {
    await signedIn;
    location.assign(next());
  } catch (error) {
    const { title, help } = explain(error);
    notice.show("fault", title, help);
  }
}

async function offer() {
  try {
    const { guest, providers } = await api.signInWays();
    const offered = providers.map(way);
    if (guest) offered.push(guestWay());
    ways.replaceChildren(...offered);
    say(find("none", HTMLElement), offered.length === 0 ? "This server has no sign-in for its pages. Programs use a token." : "");
  } catch (error) {
    const { title, help } = explain(error);
    notice.show("fault", title, help);
  }
  ways.removeAttribute("aria-busy");
}

const reason = REASONS[/** @type {keyof typeof REASONS} */ (asked.get("error") ?? "")];
if (reason) notice.show("fault", "You are not signed in", `${reason} Please try again.`);
void offer();
