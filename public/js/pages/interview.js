// @ts-check
/** @file The interview page: joins the session named in the address, or shows its record when it is over. */

import { Api } from "../api.js";
import { Call } from "../call/call.js";
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
    session = await api.session(sessionId);
  } catch (error) {
    const { title, help, retry } = explain(error);
    return room.fail(title, help, retry ? () => location.reload() : undefined);
  }
  room.setPlan(session.stages ?? [], session.stage);
  if (isOver(session)) return over();
  if (session.status === "failed") {
    const { title, help } = explainCode(session.upstream_error ?? "UPSTREAM_ERROR");
    return room.fail(title, help, join);
  }
  join();
}

/** A call that failed before it began may be tried again; one that failed later has a record. @param {import("../types.js").Session} session */
function isOver({ status, started_at }) {
  return status === "completed" || status === "cancelled" || (status === "failed" && Boolean(started_at));
}

function join() {
  const call = new Call({ api, origin: location.origin, sink: find("voice", HTMLAudioElement), sessionId });
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
