// @ts-check
/** @file One reading of `getStats`, reduced to what people look at. Loss is per interval, so it keeps the one before. */

export class StatsReader {
  /** @type {{received: number, lost: number} | null} */
  #before = null;

  /**
   * @param {RTCStatsReport | Map<string, any>} report
   * @param {number} at
   * @returns {import("../types.js").StatsSample}
   */
  read(report, at) {
    const entries = [...report.values()];
    const inbound = entries.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
    const outbound = entries.find(({ type, kind }) => type === "outbound-rtp" && kind === "audio");
    const remote = entries.find(({ type, kind }) => type === "remote-inbound-rtp" && kind === "audio");
    const pair = selectedPair(entries);
    return {
      at,
      rttMs: inMillis(remote?.roundTripTime ?? pair?.currentRoundTripTime),
      jitterMs: inMillis(inbound?.jitter),
      lossPct: this.#loss(inbound),
      received: inbound?.packetsReceived ?? 0,
      energy: inbound?.totalAudioEnergy ?? 0,
      sentBytes: outbound?.bytesSent ?? 0,
      pair: pair ? describe(pair, report) : null,
    };
  }

  /** @param {any} inbound @returns {number | null} */
  #loss(inbound) {
    if (!inbound) return null;
    const now = { received: inbound.packetsReceived ?? 0, lost: inbound.packetsLost ?? 0 };
    const before = this.#before ?? { received: 0, lost: 0 };
    this.#before = now;
    // A late packet may lower the count of lost ones again.
    const lost = Math.max(0, now.lost - before.lost);
    const expected = now.received - before.received + lost;
    return expected > 0 ? (100 * lost) / expected : null;
  }
}

/** @param {any[]} entries */
function selectedPair(entries) {
  const transport = entries.find(({ type, selectedCandidatePairId }) => type === "transport" && selectedCandidatePairId);
  return (
    entries.find(({ type, id }) => type === "candidate-pair" && id === transport?.selectedCandidatePairId) ??
    entries.find(({ type, selected }) => type === "candidate-pair" && selected) ??
    entries.find(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded")
  );
}

/** @param {any} pair @param {RTCStatsReport | Map<string, any>} report @returns {import("../types.js").CandidatePair} */
function describe(pair, report) {
  const local = /** @type {any} */ (report.get(pair.localCandidateId));
  const remote = /** @type {any} */ (report.get(pair.remoteCandidateId));
  return {
    local: local ? `${local.candidateType} ${local.address ?? "hidden"}:${local.port}` : "unknown",
    remote: remote ? `${remote.candidateType} ${remote.address ?? "hidden"}:${remote.port}` : "unknown",
    remoteAddress: remote?.address ?? "",
    remotePort: remote?.port ?? 0,
    protocol: remote?.protocol ?? local?.protocol ?? "",
  };
}

/** @param {unknown} seconds @returns {number | null} */
function inMillis(seconds) {
  return typeof seconds === "number" ? seconds * 1_000 : null;
}
