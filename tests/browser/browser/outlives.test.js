/**
 * @file An interview outlives its page, its connections and its server: what the person sees meanwhile, and that the
 * record is one. Several interviews run at once in one browser, since most of their time is spent on listening.
 */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch } from "../harness/browsers.js";
import { makeMicrophone } from "../harness/microphone.js";
import { allowMicrophone, captions, cut, endInterview, mend, openPage, peerStats, peers, record, refuseMicrophone, startInterview, state, textOf, told, until } from "../harness/page.js";
import { snap } from "../harness/shots.js";
import { Viva, startSimulator } from "../harness/viva.js";

/** @typedef {import("puppeteer-core").Page} Page */

const microphone = makeMicrophone();
/** Seconds after which the simulated provider ends the first call; the server renews it at two thirds of that. */
const CAP_SECONDS = 36;
const DROPS_AFTER_MS = 16_000;

/** @type {import("puppeteer-core").Browser} */
let browser;
/** @type {{stop: () => Promise<void>}[]} what was started, the newest first */
const started = [];
/** Pages take turns in being in front: only there a click is sure to land. */
let front = Promise.resolve();

/**
 * @template Value
 * @param {Page} page
 * @param {() => Promise<Value>} work
 * @returns {Promise<Value>}
 */
function inFront(page, work) {
  const turn = front.then(async () => {
    await page.bringToFront();
    return work();
  });
  front = turn.then(() => {}, () => {});
  return turn;
}

/** A server with a simulator of its own, so that the simulator's faults are this interview's alone. @param {...string} faults */
async function house(...faults) {
  const simulator = await startSimulator(...faults);
  started.unshift(simulator);
  const viva = await Viva.start({ OPENAI_BASE_URL: simulator.url, OPENAI_API_KEY: simulator.key });
  started.unshift(viva);
  return viva;
}

/** An interview that is under way. Cookies do not know ports, so each has a jar of its own. @param {Viva} viva */
async function interview(viva) {
  const { page, faults } = await openPage(await browser.createBrowserContext());
  await inFront(page, async () => {
    await startInterview(page, viva.url, { plan: "short" });
    await until("a microphone", async () => (await state(page)).peer !== "new");
  });
  return { page, faults };
}

/** @param {Page} page @param {"ai" | "candidate"} speaker @param {number} [count] */
function said(page, speaker, count = 1) {
  return until(`${count} final words of ${speaker}`, async () => {
    const finals = (await captions(page)).filter((turn) => turn.speaker === speaker && turn.final);
    return finals.length >= count && finals;
  });
}

/** @param {Page} page */
const connected = (page) => until("a connected peer", async () => (await state(page)).peer === "connected");

/** Loads the page again and keeps it in front until `done`: a page behind another is not asked about its microphone. @param {Page} page @param {() => Promise<unknown>} done */
const reload = (page, done) =>
  inFront(page, async () => {
    await page.reload();
    await done();
  });

/** Seconds that are left in the current stage. @param {Page} page */
async function left(page) {
  const found = /^Stage (\d) of \d: .+ (\d+):(\d\d) left$/.exec(await textOf(page, "#stage-line"));
  return found && { stage: Number(found[1]), seconds: Number(found[2]) * 60 + Number(found[3]) };
}

/** Nothing twice on the page, nothing twice in the record, one greeting, and what was shown is stored. @param {Page} page */
async function isOneInterview(page) {
  const shown = await captions(page);
  const items = shown.map(({ item }) => item);
  assert.equal(new Set(items).size, items.length, "each turn is shown once");
  await inFront(page, () => endInterview(page));
  const { turns, meta } = await record(page);
  const stored = turns.map((/** @type {{item_id: string}} */ { item_id }) => item_id);
  assert.equal(new Set(stored).size, stored.length, "each turn is stored once");
  for (const { item, final, words } of shown) {
    if (final && words.trim() !== "") assert.ok(stored.includes(item), `"${words}" is in the record`);
  }
  const [greeting] = turns.filter((/** @type {{speaker: string}} */ { speaker }) => speaker === "ai");
  const greetings = turns.filter((/** @type {{text: string}} */ { text }) => text === greeting.text);
  assert.equal(greetings.length, 1, `greeted once with "${greeting.text}"`);
  assert.equal(meta.ended_by, "user_end");
  return turns;
}

describe("an interview outlives", { concurrency: 3 }, () => {
  before(async () => {
    browser = await launch("chromium", { microphone });
  });
  after(async () => {
    await browser?.close();
    for (const thing of started) await thing.stop();
  });

  it("its page: loaded again it comes back by itself, with all that was said", async () => {
    const { page, faults } = await interview(await house());
    await said(page, "candidate");
    await said(page, "ai", 2);
    const earlier = await captions(page);
    const clock = await until("time left", () => left(page));
    await reload(page, () => connected(page));
    const back = await captions(page);
    const kept = earlier.filter(({ final }) => final).map(({ item, words }) => `${item} ${words}`);
    assert.deepEqual(back.filter(({ item }) => kept.some((turn) => turn.startsWith(item))).map(({ item, words }) => `${item} ${words}`), kept, "the same words in the same order");
    const now = await until("time left", () => left(page));
    assert.ok(now.stage > clock.stage || now.seconds <= clock.seconds, `the stage's clock went on: ${clock.seconds} s, now ${now.seconds} s`);
    assert.deepEqual(await peers(page), ["connected"]);
    // After an unplanned loss the interviewer goes on by itself.
    await said(page, "ai", kept.filter((turn) => back.some(({ item, speaker }) => speaker === "ai" && turn.startsWith(item))).length + 1);
    await until("sound", async () => (await peerStats(page)).energy > 0);
    await snap(page, "reloaded");
    await isOneInterview(page);
    assert.deepEqual(faults, []);
  });

  it("a lost server line: what was missed is told once", async () => {
    const { page } = await interview(await house());
    await said(page, "ai");
    await cut(page);
    await until("a banner", async () => (await textOf(page, "#banner")).includes("Reconnecting"));
    // The conversation goes on without the server, and the page captions what it hears itself.
    await said(page, "candidate");
    const meanwhile = (await captions(page)).filter(({ final }) => final).map(({ item }) => item);
    await mend(page);
    await until("a ready line", async () => (await state(page)).socket === "ready");
    const missed = await until("what was missed", async () => (await told(page)).find(({ type, messages }) => type === "missed" && /** @type {any[]} */ (messages).length > 0));
    const again = /** @type {any[]} */ (missed.messages).map(({ itemId }) => itemId).filter(Boolean);
    assert.ok(again.some((item) => meanwhile.includes(item)), "some of it had been captioned already");
    assert.deepEqual(await peers(page), ["connected"], "the connection to the model was not touched");
    await isOneInterview(page);
  });

  it("the provider's cap: renewed beside the running call, and nothing moves", async () => {
    const { page, faults } = await interview(await house(`1:session_cap=${CAP_SECONDS}`));
    await said(page, "ai");
    const where = () => page.$eval("#voices", (canvas) => canvas.getBoundingClientRect().top);
    const top = await where();
    await until("a renewal", async () => (await state(page)).renewal === "renewing");
    assert.equal(await textOf(page, "#renewal"), "Renewing the connection…");
    assert.equal(await page.$eval("#renewal", (line) => line.getAttribute("role")), "status", "it is read out");
    assert.equal(await where(), top, "nothing moved");
    const before = (await captions(page)).length;
    await until("the switch", async () => (await state(page)).renewal === "renewed");
    assert.equal((await state(page)).peer, "connected");
    const heard = await page.evaluate(() => {
      const { peers: all } = /** @type {any} */ (window).observed;
      const voice = /** @type {HTMLAudioElement} */ (document.getElementById("voice"));
      const track = /** @type {MediaStream} */ (voice.srcObject).getTracks()[0];
      return { index: all.findIndex((/** @type {RTCPeerConnection} */ peer) => peer.getReceivers().some((receiver) => receiver.track === track)), count: all.length };
    });
    assert.deepEqual(heard, { index: 1, count: 2 }, "the new connection is what is heard");
    assert.deepEqual(
      await page.evaluate(() => /** @type {any} */ (window).observed.peers.map((/** @type {RTCPeerConnection} */ peer) => peer.getSenders()[0]?.track !== null)),
      [false, true],
      "the microphone is on the new one alone",
    );
    await until("the old one closed", async () => (await peers(page))[0] === "closed");
    await until("more words", async () => (await captions(page)).filter(({ final }) => final).length > before + 1);
    await isOneInterview(page);
    assert.deepEqual(faults, []);
  });

  it("a call that the provider drops, and a microphone that has to be allowed again", async () => {
    const { page } = await interview(await house(`1:call_drops=${DROPS_AFTER_MS}`));
    await said(page, "ai");
    await until("a loss", async () => (await state(page)).renewal === "renewing");
    await until("a new connection", async () => (await state(page)).renewal === "renewed");
    assert.deepEqual([(await state(page)).peer, await peers(page)], ["connected", ["closed", "connected"]]);
    const count = (await captions(page)).filter(({ speaker }) => speaker === "ai").length;
    await said(page, "ai", count);

    await refuseMicrophone(page);
    await reload(page, () => until("an explanation", async () => (await textOf(page, "#banner")).includes("microphone is blocked")));
    assert.equal(await textOf(page, "#banner button"), "Go on with the interview");
    assert.ok((await captions(page)).length >= count, "what was said is there all the same");
    assert.equal((await state(page)).socket, "ready", "and the server knows that somebody is there");
    await allowMicrophone(page);
    await inFront(page, async () => {
      await page.click("#banner button");
      await connected(page);
    });
    await isOneInterview(page);
  });

  it("its server: stopped or killed and started again, the same call goes on", async () => {
    const viva = await house();
    const { page, faults } = await interview(viva);
    await said(page, "candidate");
    for (const signal of /** @type {const} */ (["SIGTERM", "SIGKILL"])) {
      const before = (await captions(page)).filter(({ final }) => final).length;
      await viva.restart(signal);
      await until("a ready line", async () => (await state(page)).socket === "ready");
      await until("the server's own line", async () => (await state(page)).control === "sideband");
      assert.deepEqual(await peers(page), ["connected"], "the same call");
      assert.equal(await textOf(page, "#control"), "Recorded by the server");
      await until("more words", async () => (await captions(page)).filter(({ final }) => final).length > before);
    }
    await isOneInterview(page);
    assert.deepEqual(faults, []);
  });
});
