// @ts-check
/** @file A résumé or job description: which files are taken, and what fits of their text. Pure. */

/** Of one file, as the server takes it. */
export const MAX_FILE_BYTES = 2 * 1024 * 1024;

/** Browsers name the type of few files reliably; the ending is what people know. @type {Record<string, string>} */
const TYPES = {
  pdf: "application/pdf",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  txt: "text/plain",
  md: "text/markdown",
  markdown: "text/markdown",
};

/** For `accept` of a file input: endings and types, because phones know types only. */
export const ACCEPTED = [...Object.keys(TYPES).map((ending) => `.${ending}`), ...new Set(Object.values(TYPES))].join(",");

/** How far back from the limit a cut looks for the end of a word. */
const WORD_REACH = 60;

/** @typedef {{text: string, characters: number, left: number}} Fitted `characters` of the whole, `left` out of them */

/** @param {string} name a file's name @returns {string | null} its media type, null when it is not taken */
export function typeOf(name) {
  const ending = /\.([^.]+)$/.exec(name)?.[1].toLowerCase() ?? "";
  return Object.hasOwn(TYPES, ending) ? TYPES[ending] : null;
}

/** Why a file is not worth sending, if so. @param {{name: string, size: number}} file @returns {string | null} */
export function refusalOf({ name, size }) {
  if (/\.doc$/i.test(name)) return "This is Word’s old format. Save it as .docx or PDF, or paste its text.";
  if (!typeOf(name)) return "Choose a PDF, Word (.docx), text or Markdown file, or paste the text.";
  if (size === 0) return "This file is empty.";
  if (size > MAX_FILE_BYTES) return "This file is larger than 2 MiB. Save it smaller, or paste its text.";
  return null;
}

/** Characters as the server counts them: an emoji is one. @param {string} text @returns {number} */
export function characters(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** What of a text fits, cut between words where one ends near. @param {string} text @param {number} limit @returns {Fitted} */
export function fit(text, limit) {
  const all = [...text.trim()];
  if (all.length <= limit) return { text: all.join(""), characters: all.length, left: 0 };
  let end = limit;
  while (end > limit - WORD_REACH && !isSpace(all[end])) end -= 1;
  const kept = all.slice(0, isSpace(all[end]) ? end : limit).join("").trimEnd();
  return { text: kept, characters: all.length, left: all.length - characters(kept) };
}

/** @param {string} character */
function isSpace(character) {
  return /\s/.test(character);
}
