// @ts-check
/** @file An interview under way, for whoever may read it: what is said as it is written down, where it stands, and its end. */

import { Api, eventsPath } from "../api.js";
import { endingOf, nameOf } from "../call-words.js";
import { find, make, say } from "../dom.js";
import { explainCode } from "../explain.js";
import { Following } from "../follow.js";
import { confirmed } from "../view/confirm.js";
import { Desk } from "../view/desk.js";
import { LiveRecord } from "../view/live-record.js";
import { Notice } from "../view/notice.js";

const api = new Api();
const desk = new Desk(api);
const sessionId = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const line = new Notice(find("line", HTMLElement));
const status = find("status", HTMLElement);
const end = find("end", HTMLButtonElement);
const record = `/past-calls/${encodeURIComponent(sessionId)}`;

/** @type {Record<string, [string, string]>} how the call stands, by its connection */
const STATES = {
  pending: ["idle", "Not begun"],
  negotiating: ["fair", "Being called"],
  answered: ["fair", "Being called"],
  connected: ["good", "On the call"],
  disconnected: ["fair", "The candidate is gone for the moment"],
  failed: ["bad", "The call broke off"],
};

async function show() {
  const session = await api.session(sessionId);
  const name = nameOf(session);
  document.title = `Viva: ${name}`;
  say(find("title", HTMLElement), name);
  const shown = new LiveRecord(session);
  find("live", HTMLElement).hidden = false;
  const following = new Following(eventsPath(sessionId));
  following.on("turn", (turn) => shown.add(turn));
  following.on("revised", (turn) => shown.revise(turn));
  following.on("stage", (change) => shown.stage(change));
  following.on("status", ({ webrtc_status }) => stands(...(STATES[webrtc_status] ?? ["idle", webrtc_status])));
  following.on("line", ({ state }) => {
    if (state === "open") line.clear();
    else line.show("wait", "Reconnecting to the server", "The interview goes on; what is said meanwhile will follow.");
  });
  following.on("closed", ({ code }) => {
    const { title, help } = explainCode(code);
    line.show("fault", title, help);
    end.hidden = true;
  });
  following.on("end", ({ ended_by }) => over(endingOf(ended_by)));
  addEventListener("pagehide", () => following.close());
  // The browser's own button brings the page back as it was left, and no line with it.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  end.hidden = Boolean(session.ended_at);
  end.onclick = () => void endIt(name);
  following.open();
}

/** @param {string} mood @param {string} words */
function stands(mood, words) {
  status.dataset.state = mood;
  status.replaceChildren(make("span", { class: "dot" }), words);
}

/** @param {string} how */
function over(how) {
  line.clear();
  end.hidden = true;
  stands("idle", how === "" ? "It is over" : how[0].toUpperCase() + how.slice(1));
  find("over", HTMLElement).hidden = false;
}

/** @param {string} name */
async function endIt(name) {
  if (!(await confirmed("End this call?", `“${name}” is hung up at once. What was said so far is kept; the interview cannot be taken up again.`, "End it"))) return;
  end.disabled = true;
  if (!(await desk.attempt(() => api.end(sessionId).then(() => {})))) end.disabled = false;
}

find("to-record", HTMLAnchorElement).href = record;
void desk.open(show);
