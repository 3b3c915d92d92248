// @ts-check
/** @file What `/health` means, in a person's words. Pure. */

/** @typedef {"good" | "fair" | "bad"} Judgement */
/** @typedef {{state: Judgement, word: string, version: string, provider: string, facts: {fact: "service" | "model" | "store" | "calls", state: Judgement, text: string}[]}} Verdict */

/** @type {Record<string, Judgement>} */
const OF_STATUS = { healthy: "good", degraded: "fair", unhealthy: "bad" };
/** @type {Record<string, string>} */
const WORDS = { good: "Ready", fair: "Limited", bad: "Not ready" };

/** @param {import("../types.js").Health | null} health null: no answer @returns {Verdict} */
export function judge(health) {
  if (!health) {
    const facts = /** @type {const} */ (["service", "model", "store", "calls"]).map((fact) => ({
      fact,
      state: /** @type {Judgement} */ ("bad"),
      text: fact === "service" ? "unreachable" : "unknown",
    }));
    return { state: "bad", word: "Unreachable", version: "", provider: provider(null), facts };
  }
  const state = OF_STATUS[health.status] ?? "fair";
  const { store, upstream, sessions } = health;
  const full = sessions ? sessions.active >= sessions.max : false;
  return {
    state,
    word: WORDS[state],
    version: `Viva ${[health.version, health.git].filter(Boolean).join(" · ")}`,
    provider: provider(health),
    facts: [
      { fact: "service", state, text: health.status },
      { fact: "model", state: upstreamState(upstream?.state), text: model(health) },
      { fact: "store", state: store?.state === "ok" ? "good" : "bad", text: record(store) },
      { fact: "calls", state: full ? "fair" : "good", text: sessions ? `${sessions.active} of ${sessions.max}` : "unknown" },
    ],
  };
}

/** An upstream that nobody has called yet is unknown, and that is no fault. @param {string | undefined} state @returns {Judgement} */
function upstreamState(state) {
  return state === "failing" ? "bad" : "good";
}

/** @param {import("../types.js").Health} health */
function model({ simulation, upstream }) {
  const failing = upstream?.state === "failing" ? ", failing" : "";
  if (simulation) return `simulated, on this machine${failing}`;
  return `${upstream?.base_url_host ?? upstream?.kind ?? "configured"}${failing}`;
}

/** @param {import("../types.js").Health["store"]} store */
function record(store) {
  if (!store) return "unknown";
  const kind = store.kind === "sqlite" || store.kind === "embedded" ? "on this machine" : store.kind;
  return store.state === "ok" ? kind : `${kind}, ${store.detail ?? store.state}`;
}

/** The line of the notice that says where a voice goes. @param {import("../types.js").Health | null} health */
function provider(health) {
  if (health?.simulation) return "Your voice goes to a simulated interviewer on this server’s machine; it goes no further.";
  const host = health?.upstream?.base_url_host;
  return host ? `Your voice goes to the model at ${host}.` : "Your voice goes to the model that speaks with you.";
}
