/**
 * @file What the browsers hear in place of a person: a few utterances with pauses, as a WAV file for Chromium and as
 * the same schedule for Firefox. Speech comes from espeak-ng where it is installed, else it is made of bursts.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RATE = 48_000;
/** Silence before the first words: the greeting comes first. */
const LEAD_SECONDS = 7;
/** Silence after each utterance: long enough that the turn ends and the interviewer asks again. */
const PAUSE_SECONDS = 6;

const FOLDER = mkdtempSync(join(tmpdir(), "viva-microphone-"));
process.on("exit", () => rmSync(FOLDER, { recursive: true, force: true }));

const SENTENCES = [
  "Good morning. I have worked as an engineer for eight years, mostly on data systems.",
  "I like this work because it has to be right, and because people notice when it is not.",
  "In my last project we moved a ledger to new machines without an hour of downtime.",
  "I wrote the part that compared both sides, and I was on call when we switched.",
  "I would do it again, but with more rehearsals.",
  "Thank you. I have no further questions.",
];

/** Where each utterance begins and how long it lasts. @typedef {{atSeconds: number, seconds: number}} Utterance */

/** @returns {{path: string, utterances: Utterance[]}} a WAV file, 48 kHz, mono, 16 bit */
export function makeMicrophone() {
  const parts = SENTENCES.map((sentence) => speak(sentence) ?? bursts(sentence));
  /** @type {Utterance[]} */
  const utterances = [];
  let at = LEAD_SECONDS;
  for (const part of parts) {
    utterances.push({ atSeconds: at, seconds: part.length / RATE });
    at += part.length / RATE + PAUSE_SECONDS;
  }
  const all = new Int16Array(Math.ceil(at * RATE));
  parts.forEach((part, index) => all.set(part, Math.round(utterances[index].atSeconds * RATE)));
  const path = join(FOLDER, "speech.wav");
  writeFileSync(path, wav(all));
  return { path, utterances };
}

/** @param {string} sentence @returns {Int16Array | null} null without espeak-ng */
function speak(sentence) {
  const file = join(FOLDER, "sentence.wav");
  if (spawnSync("espeak-ng", ["-v", "en", "-s", "150", "-w", file, sentence]).status !== 0) return null;
  const bytes = readFileSync(file);
  const rate = bytes.readUInt32LE(24);
  const start = bytes.indexOf("data") + 8;
  const source = new Int16Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length - ((bytes.length - start) % 2)));
  // Straight lines between samples are good enough for a detector of energy.
  return Int16Array.from({ length: Math.floor((source.length / rate) * RATE) }, (_, index) => {
    const exact = (index * rate) / RATE;
    const left = Math.floor(exact);
    return source[left] + ((source[left + 1] ?? 0) - source[left]) * (exact - left);
  });
}

/** Voiced syllables of 180 ms: not words, but loud and soft as speech is. @param {string} sentence @returns {Int16Array} */
function bursts(sentence) {
  const seconds = sentence.split(" ").length * 0.32;
  return Int16Array.from({ length: Math.floor(seconds * RATE) }, (_, index) => {
    const time = index / RATE;
    const syllable = Math.max(0.15, Math.sin((Math.PI * time) / 0.18) ** 2);
    const voice = [1, 2, 3, 4].reduce((sum, harmonic) => sum + Math.sin(2 * Math.PI * 130 * harmonic * time) / harmonic, 0);
    return 7_000 * syllable * voice;
  });
}

/** @param {Int16Array} samples @returns {Buffer} */
function wav(samples) {
  const data = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
