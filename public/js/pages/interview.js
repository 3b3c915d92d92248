// @ts-check
/** @file The interview page: joins the session named in the address, or shows its record when it is over. */

import { Api } from "../api.js";
import { Call } from "../call/call.js";
import { patiently } from "../call/patiently.js";
import { find } from "../dom.js";
import { explain, explainCode } from "../explain.js";
import { Room } from "../view/room.js";
import { showSaved } from "../view/saved.js";

const api = new Api();
const sessionId = decodeURIComponent(location.pathname.split("/").filter(Boolean)[1] ?? "");
const room = new Room(() => api.now());

async function boot() {
  let session;
  try {
    session = await patiently(() => api.session(sessionId));
  } catch (error) {
    const { title, help, retry } = explain(error);
    return room.fail(title, help, retry ? () => location.reload() : undefined);
  }
  room.setPlan(session.stages ?? [], session.stage);
  if (isOver(session)) return over();
  if (session.status === "failed") {
    const { title, help } = explainCode(session.upstream_error ?? "UPSTREAM_ERROR");
    return room.fail(title, help, () => join("first"));
  }
  // Loaded again in mid-call: what was said is there at once and in order; the line brings what came since.
  if (session.started_at) await api.transcript(sessionId).then((record) => room.recall(record), () => {});
  join(session.started_at ? "again" : "first");
}

/** A call that failed before it began may be tried again; one that failed later has a record. @param {import("../types.js").Session} session */
function isOver({ status, started_at }) {
  return status === "completed" || status === "cancelled" || (status === "failed" && Boolean(started_at));
}

/** @param {"first" | "again"} joins */
function join(joins) {
  const call = new Call({ api, origin: location.origin, sink: find("voice", HTMLAudioElement), sessionId, joins });
  room.follow(call);
  call.on("over", () => void over());
  call.on("failure", ({ code }) => {
    if (code !== "SESSION_ENDED") return;
    call.close();
    void over();
  });
  void call.start();
}

async function over() {
  room.end();
  await showSaved(api, sessionId, room);
}

void boot();
