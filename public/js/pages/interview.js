// @ts-check
/** @file The interview page: joins the session named in the address, or shows its record when it is over. */

import { Api } from "../api.js";
import { Call } from "../call/call.js";
import { patiently } from "../call/patiently.js";
import { find } from "../dom.js";
import { explain, explainCode } from "../explain.js";
import { refusalOf } from "../rights-words.js";
import { asksBack } from "../view/erasing.js";
import { Room } from "../view/room.js";
import { offerErasure, offerKeeping, showSaved } from "../view/saved.js";

/** Sessions in which nobody is interviewed have pages of their own. @type {Record<string, string>} */
const PAGES = { transcription: "/transcribe", translation: "/translate" };

/** After a consent was taken back the line mostly says so first; without a line the page goes by the server's answer. */
const TOLD_WITHIN_MS = 5_000;

const api = new Api();
const sessionId = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const room = new Room(() => api.now());
const withdraw = find("withdraw", HTMLButtonElement);
/** @type {Call | null} */
let call = null;
let isShown = false;

async function boot() {
  let session;
  try {
    session = await patiently(() => api.session(sessionId));
  } catch (error) {
    const { title, help, retry } = explain(error);
    return room.fail(title, help, retry ? () => location.reload() : undefined);
  }
  const elsewhere = PAGES[session.kind ?? "interview"];
  if (elsewhere) return location.replace(`${elsewhere}?session=${encodeURIComponent(sessionId)}`);
  room.setPlan(session.stages ?? [], session.stage);
  void offerRights(session);
  if (isOver(session)) return over();
  if (session.status === "failed") {
    const { title, help } = explainCode(session.upstream_error ?? "UPSTREAM_ERROR");
    return room.fail(title, help, () => join("first"));
  }
  // Loaded again in mid-call: what was said is there at once and in order; the line brings what came since.
  if (session.started_at) await api.transcript(sessionId).then((record) => room.recall(record), () => {});
  join(session.started_at ? "again" : "first");
}

/** What stands beside the interview does not hold it up; without an answer only that is missing. @param {import("../types.js").Session} session */
async function offerRights(session) {
  const me = await api.me().catch(() => null);
  if (!me || me.user.id !== session.user_id) return;
  offerErasure(api, sessionId, room);
  withdraw.hidden = isShown || isOver(session);
  await offerKeeping(api, me);
}

/** A call that failed before it began may be tried again; one that failed later has a record. @param {import("../types.js").Session} session */
function isOver({ status, started_at }) {
  return status === "completed" || status === "cancelled" || (status === "failed" && Boolean(started_at));
}

/** @param {"first" | "again"} joins */
function join(joins) {
  call = new Call({ api, origin: location.origin, sink: find("voice", HTMLAudioElement), sessionId, joins });
  room.follow(call);
  call.on("over", () => void over());
  call.on("failure", ({ code }) => {
    if (code !== "SESSION_ENDED") return;
    call?.close();
    void over();
  });
  void call.start();
}

/** A consent can be taken back at any time, also while the call is not up yet. */
async function takeBack() {
  if (!(await asksBack("running"))) return;
  withdraw.disabled = true;
  try {
    await api.withdrawConsent(sessionId);
    setTimeout(() => {
      call?.close();
      void over();
    }, TOLD_WITHIN_MS);
  } catch (error) {
    withdraw.disabled = false;
    room.complain("Your consent was not taken back", refusalOf(error));
  }
}

async function over() {
  if (isShown) return;
  isShown = true;
  withdraw.hidden = true;
  room.end();
  await showSaved(api, sessionId, room);
}

withdraw.addEventListener("click", () => void takeBack());

void boot();
