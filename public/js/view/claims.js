// @ts-check
/** @file Interviews that were accepted in this browser without an account: whoever has signed in since can make them theirs. */

import { find, make } from "../dom.js";

/** @typedef {import("../types.js").Claimable} Claimable */

/**
 * Offers what there is. Without an answer nothing is offered: it is no part of what the page is for.
 * @param {import("../api.js").Api} api @param {import("./desk.js").Desk} desk @param {import("../types.js").Me} me
 */
export async function offerClaims(api, desk, { user }) {
  if (user.kind !== "member") return;
  const found = await api.claims().catch(() => []);
  const list = find("claims", HTMLElement);
  list.replaceChildren(...found.map((claim) => offer(api, desk, claim)));
  list.hidden = found.length === 0;
}

/** @param {import("../api.js").Api} api @param {import("./desk.js").Desk} desk @param {Claimable} claim */
function offer(api, desk, { session_id: session, organisation, job_role: role }) {
  const what = `${organisation}${role ? ` interviewed you for the role of ${role}` : " interviewed you"} in this browser, before you signed in.`;
  const take = /** @type {HTMLButtonElement} */ (make("button", { type: "button" }, "Make it mine"));
  take.addEventListener("click", async () => {
    take.disabled = true;
    await desk.attempt(async () => {
      const { tenant_id: tenant } = await api.claim(session);
      // It lies with the organisation: there it is found.
      await api.actIn(tenant);
      location.assign(`/past-calls/${encodeURIComponent(session)}`);
    });
    take.disabled = false;
  });
  return make("li", { class: "notice", "data-kind": "note", "data-session": session }, make("span", {}, what), take);
}
