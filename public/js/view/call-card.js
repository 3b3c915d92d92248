// @ts-check
/** @file One call in a list: what it was, how it stands, how far it came, and where to go from there. */

import { endingOf, lengthOf, nameOf, progressOf, stagesOf, statusOf, whenOf } from "../call-words.js";
import { make } from "../dom.js";

/**
 * @param {import("../types.js").Session} session
 * @param {string} me the reader's id: who is not the person of an interview can follow it and not take part
 * @param {"h2" | "h3"} [heading] by what stands above the list
 * @returns {HTMLElement} an `<li>`
 */
export function callCard(session, me, heading = "h2") {
  const { word, mood } = statusOf(session);
  const isOwn = session.user_id === me;
  const isOpen = (session.status === "scheduled" || session.status === "in_progress") && (isOwn || Boolean(session.live));
  const address = `/${isOpen ? (isOwn ? "interview" : "live") : "past-calls"}/${encodeURIComponent(session.id)}`;
  const invitation = isOwn ? (session.started_at ? "Go on" : "Begin") : "Follow";
  const facts = [whenOf(session.started_at ?? session.created_at), lengthOf(session), endingOf(session.ended_by)].filter(Boolean);
  return make(
    "li",
    { class: "call sheet", "data-session": session.id, "data-status": session.status },
    make(
      "div",
      { class: "call-head" },
      make(heading, {}, make("a", { href: address }, nameOf(session))),
      make("span", { class: "status", "data-state": mood }, make("span", { class: "dot" }), word),
    ),
    make("p", { class: "aside" }, facts.join(" · ")),
    progress(session),
    ...(isOpen ? [make("p", { class: "row" }, make("a", { class: "button", href: address }, invitation), ...record(session))] : []),
  );
}

/** An interview under way has a record already. @param {import("../types.js").Session} session */
function record({ id, started_at }) {
  return started_at ? [make("a", { href: `/past-calls/${encodeURIComponent(id)}` }, "The record so far")] : [];
}

/** @param {import("../types.js").Session} session */
function progress(session) {
  const bars = stagesOf(session).map(({ label, state }) => make("span", { "data-state": state, title: `${label}: ${state}` }));
  const line = make("span", { class: "aside" }, progressOf(session));
  return make("p", { class: "far" }, make("span", { class: "bars", "aria-hidden": "true" }, ...bars), line);
}
