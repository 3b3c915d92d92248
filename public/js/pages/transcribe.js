// @ts-check
/** @file A live transcript of whoever speaks near this machine, or in a file on it. */

import { find } from "../dom.js";
import { Listening } from "../listening.js";
import { PlayedFile } from "../media/played-file.js";

const form = find("listen", HTMLFormElement);
const file = find("file", HTMLInputElement);
const languages = find("languages", HTMLSelectElement);
const isFile = () => new FormData(form).get("source") === "file";

form.addEventListener("change", () => (find("file-box", HTMLElement).hidden = !isFile()));
find("file-box", HTMLElement).hidden = !isFile();

new Listening({
  kind: "transcription",
  names: { candidate: "Heard", ai: "Model" },
  hearing: "Listening",
  source: () => (isFile() && file.files?.[0] ? new PlayedFile(file.files[0], find("player", HTMLElement)) : undefined),
  wishes: (fields) => {
    const chosen = [...languages.selectedOptions].map(({ value }) => value);
    const title = String(fields.get("title") ?? "").trim();
    return { ...(title && { title }), ...(chosen.length > 0 && { languages: chosen }) };
  },
  fault: () => (isFile() && !file.files?.[0] ? { field: "file", words: "Choose a file first." } : null),
});
