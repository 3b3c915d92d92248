/** @file Reading the browser's statistics. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { StatsReader } from "../../../public/js/call/stats.js";

/** @param {Record<string, any>} inbound @param {Record<string, any>[]} more */
const report = (inbound, ...more) =>
  new Map(
    [
      { id: "I", type: "inbound-rtp", kind: "audio", ...inbound },
      { id: "T", type: "transport", selectedCandidatePairId: "P" },
      { id: "P", type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R", currentRoundTripTime: 0.002 },
      { id: "Q", type: "candidate-pair", nominated: true, state: "succeeded" },
      { id: "L", candidateType: "host", address: "127.0.0.1", port: 1111, protocol: "udp" },
      { id: "R", candidateType: "prflx", address: "127.0.0.1", port: 2222, protocol: "udp" },
      ...more,
    ].map((entry) => [entry.id, entry]),
  );

it("gives the selected pair, not another that also works", () => {
  const { pair, rttMs } = new StatsReader().read(report({}), 0);
  assert.deepEqual(pair, { local: "host 127.0.0.1:1111", remote: "prflx 127.0.0.1:2222", remoteAddress: "127.0.0.1", remotePort: 2222, protocol: "udp" });
  assert.equal(rttMs, 2);
});

it("prefers the media's own round trip", () => {
  const remote = { id: "M", type: "remote-inbound-rtp", kind: "audio", roundTripTime: 0.08 };
  assert.equal(new StatsReader().read(report({}, remote), 0).rttMs, 80);
});

it("gives loss of the interval, not of the whole call", () => {
  const reader = new StatsReader();
  assert.equal(reader.read(report({ packetsReceived: 90, packetsLost: 10 }), 0).lossPct, 10);
  assert.equal(reader.read(report({ packetsReceived: 190, packetsLost: 10 }), 1).lossPct, 0);
  assert.equal(reader.read(report({ packetsReceived: 240, packetsLost: 60 }), 2).lossPct, 50);
  assert.equal(reader.read(report({ packetsReceived: 250, packetsLost: 55 }), 3).lossPct, 0, "late packets give lost ones back");
});

it("says unknown rather than zero", () => {
  const { rttMs, jitterMs, lossPct, pair, energy } = new StatsReader().read(new Map(), 0);
  assert.deepEqual([rttMs, jitterMs, lossPct, pair, energy], [null, null, null, null, 0]);
  assert.equal(new StatsReader().read(report({ packetsReceived: 0, packetsLost: 0 }), 0).lossPct, null);
});
