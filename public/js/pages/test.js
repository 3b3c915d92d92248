// @ts-check
/** @file The test page: runs one call step by step and shows everything about it. */

import { Api } from "../api.js";
import { find, make, say } from "../dom.js";
import { Level } from "../media/level.js";
import { openMicrophone, release } from "../media/microphone.js";
import { explain } from "../explain.js";
import { Meter } from "../view/meter.js";
import { Notice } from "../view/notice.js";
import { Bench } from "../view/bench.js";
import { Run } from "../run.js";

/** How long the microphone check listens. */
const CHECK_MS = 5_000;

const form = find("form", HTMLFormElement);
const server = find("server", HTMLInputElement);
const ticket = find("ticket", HTMLInputElement);
const plan = find("plan", HTMLSelectElement);
const connect = find("connect", HTMLButtonElement);
const checkMicrophone = find("check-mic", HTMLButtonElement);
const notice = new Notice(find("notice", HTMLElement));
const bench = new Bench();
const meter = new Meter(find("meter", HTMLElement), find("hearing", HTMLElement));
/** @type {Run | null} */
let run = null;
/** Stops measuring the microphone. */
let unwatch = () => {};

async function showPlans() {
  try {
    const plans = await new Api().plansForAnyone();
    plan.replaceChildren(...plans.map(({ name, label }) => make("option", { value: name }, `${label} (${name})`)));
  } catch {
    // "default" stays, and the run will say what is wrong.
  }
}

/** @param {SubmitEvent} event */
function start(event) {
  event.preventDefault();
  notice.clear();
  const origin = originOf(server.value);
  if (!origin) return notice.show("fault", "That is not an address", "Write it like https://viva.example.org");
  if (origin !== location.origin && ticket.value === "") {
    return notice.show("fault", "Another server needs a ticket", `This page can sign in only where it comes from. Paste a ticket of ${origin}, or open ${origin}/test there.`);
  }
  run?.close();
  connect.disabled = true;
  const agreed = find("agreement", HTMLElement).textContent?.trim() ?? "";
  const options = { origin, plan: plan.value, agreed, ticket: ticket.value || undefined, sink: find("voice", HTMLAudioElement) };
  run = new Run(options, bench);
  run.onMicrophone = (stream) => watch(stream);
  run.onDone = () => {
    connect.disabled = false;
    unwatch();
  };
  void run.go();
}

/** @param {string} text @returns {string | null} */
function originOf(text) {
  try {
    const { origin, protocol } = new URL(text);
    return protocol === "http:" || protocol === "https:" ? origin : null;
  } catch {
    return null;
  }
}

/** @param {MediaStream} stream */
function watch(stream) {
  const level = new Level(stream);
  meter.start(
    () => level.read(),
    () => false,
  );
  unwatch = () => {
    meter.stop();
    level.close();
    unwatch = () => {};
  };
}

async function check() {
  notice.clear();
  checkMicrophone.disabled = true;
  try {
    const stream = await openMicrophone();
    const [track] = stream.getAudioTracks();
    const { sampleRate, channelCount } = track.getSettings();
    watch(stream);
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    unwatch();
    release(stream);
    say(find("hearing", HTMLElement), `${track.label || "Microphone"}: ${[sampleRate && `${sampleRate} Hz`, channelCount && `${channelCount} channel`].filter(Boolean).join(", ") || "works"}.`);
  } catch (error) {
    const { title, help } = explain(error);
    notice.show("fault", title, help);
  } finally {
    checkMicrophone.disabled = false;
  }
}

server.value = location.origin;
form.addEventListener("submit", start);
checkMicrophone.addEventListener("click", () => void check());
find("skip", HTMLButtonElement).addEventListener("click", () => run?.skip());
find("end", HTMLButtonElement).addEventListener("click", () => void run?.end());
find("copy", HTMLButtonElement).addEventListener("click", () => run && void bench.copy(run.report()));
find("download", HTMLButtonElement).addEventListener("click", () => run && bench.download(run.report()));
addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
  notice.show("fault", "The page’s own policy blocked a request", `${effectiveDirective} does not allow ${blockedURI}. Open /test on that server instead.`);
});
void showPlans();
