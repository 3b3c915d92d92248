// @ts-check
/**
 * @file A text that can be typed, pasted, or read from a file that is chosen or dropped. Whatever is taken from a file is
 * shown for correction before it is sent anywhere else; what stood there before can be put back.
 */

import { ACCEPTED, characters, fit, refusalOf, typeOf } from "../document.js";
import { find, say } from "../dom.js";
import { explain } from "../explain.js";
import { readDocument } from "../upload.js";
import { Notice } from "./notice.js";

export class DocumentField {
  #area;
  #limit;
  #box;
  #count;
  #notice;
  #file;
  #pick;
  #stop;
  #progress;
  #doing;
  #tooLong = false;
  /** @type {AbortController | null} the file that is being read */
  #reading = null;

  /** @param {string} id of the text area; its other parts are named after it @param {number} limit characters that may be sent */
  constructor(id, limit) {
    this.#limit = limit;
    this.#area = find(id, HTMLTextAreaElement);
    this.#box = find(`${id}-box`, HTMLElement);
    this.#count = find(`${id}-count`, HTMLElement);
    this.#notice = new Notice(find(`${id}-notice`, HTMLElement));
    this.#file = find(`${id}-file`, HTMLInputElement);
    this.#pick = find(`${id}-pick`, HTMLButtonElement);
    this.#stop = find(`${id}-stop`, HTMLButtonElement);
    this.#progress = find(`${id}-progress`, HTMLProgressElement);
    this.#doing = find(`${id}-doing`, HTMLElement);
    this.#file.accept = ACCEPTED;
    this.#pick.addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => {
      void this.#take(this.#file.files);
      // The same file may be chosen again after it was corrected.
      this.#file.value = "";
    });
    this.#stop.addEventListener("click", () => this.#reading?.abort());
    this.#area.addEventListener("input", () => this.#edited());
    this.#drops();
    this.#edited();
  }

  /** Why it cannot be sent as it stands, if so. @returns {string | null} */
  get fault() {
    if (this.#reading) return "The file is still being read.";
    const over = this.#over();
    return over > 0 ? `This is ${number(over)} ${over === 1 ? "character" : "characters"} too long. Shorten it, or cut its end off.` : null;
  }

  #drops() {
    const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
    this.#box.addEventListener("dragover", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.#box.dataset.over = "yes";
    });
    for (const name of /** @type {const} */ (["dragleave", "drop"])) this.#box.addEventListener(name, () => delete this.#box.dataset.over);
    this.#box.addEventListener("drop", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      void this.#take(event.dataTransfer?.files);
    });
  }

  /** @param {FileList | null | undefined} files */
  async #take(files) {
    const file = files?.[0];
    if (!file || this.#reading) return;
    const refusal = refusalOf(file);
    if (refusal) return this.#notice.show("fault", `“${file.name}” was not read`, refusal);
    this.#notice.clear();
    const reading = new AbortController();
    this.#begin(reading, file.name);
    try {
      const found = await readDocument(file, typeOf(file.name) ?? "", { signal: reading.signal, onSent: (part) => this.#sent(part, file.name) });
      this.#put(file.name, found, files.length - 1);
    } catch (error) {
      this.#failed(file.name, error);
    }
    this.#end();
  }

  /** @param {string} name @param {import("../upload.js").Found} found @param {number} others files that came along */
  #put(name, { text, cut }, others) {
    const before = this.#area.value;
    const fitted = fit(text, this.#limit);
    this.#area.value = fitted.text;
    this.#edited();
    const undo = { label: before.trim() === "" ? "Take it out" : "Put my text back", act: () => this.#restore(before) };
    const alone = others > 0 ? " Only the first file was read." : "";
    if (fitted.left === 0 && !cut) return this.#notice.show("note", `Read from “${name}”`, `Check it, and correct what was read wrongly.${alone}`, undo);
    const whole = cut ? `more than ${number(fitted.characters)}` : number(fitted.characters);
    const help = `It has ${whole} characters, and ${number(this.#limit)} fit: the end is left out. Make sure that what matters is there.${alone}`;
    this.#notice.show("wait", `“${name}” was cut`, help, undo);
  }

  /** @param {string} before */
  #restore(before) {
    this.#area.value = before;
    this.#edited();
    this.#notice.clear();
    this.#area.focus();
  }

  /** @param {string} name @param {unknown} error */
  #failed(name, error) {
    const { code, message } = /** @type {import("../api.js").ApiError} */ (error);
    if (code === "ABORTED") return this.#notice.show("note", `“${name}” was not read`, "You stopped it. Nothing has changed.");
    // About a document the server's own sentence says more than any table: which rule it broke, and what to do.
    const help = code === "DOCUMENT_UNREADABLE" ? message : `${explain(error).help} Or paste the text.`;
    this.#notice.show("fault", `“${name}” was not read`, help);
  }

  /** @param {AbortController} reading @param {string} name */
  #begin(reading, name) {
    this.#reading = reading;
    this.#box.setAttribute("aria-busy", "true");
    this.#pick.disabled = true;
    this.#area.readOnly = true;
    this.#progress.hidden = this.#stop.hidden = false;
    this.#sent(0, name);
  }

  /** @param {number} part @param {string} name */
  #sent(part, name) {
    if (part < 1) this.#progress.value = part;
    else this.#progress.removeAttribute("value");
    say(this.#doing, part < 1 ? `Sending “${name}”` : `Reading “${name}”`);
  }

  #end() {
    this.#reading = null;
    this.#box.removeAttribute("aria-busy");
    this.#pick.disabled = false;
    this.#area.readOnly = false;
    this.#progress.hidden = this.#stop.hidden = true;
    say(this.#doing, "");
  }

  #over() {
    return characters(this.#area.value.trim()) - this.#limit;
  }

  #edited() {
    const over = this.#over();
    this.#count.dataset.over = over > 0 ? "yes" : "no";
    say(this.#count, `${number(this.#limit + over)} of ${number(this.#limit)}`);
    // Said once, when the limit is passed; the count beside the label goes on counting.
    const wasTooLong = this.#tooLong;
    this.#tooLong = over > 0;
    if (!this.#tooLong) return this.#notice.clear("fault");
    if (wasTooLong) return;
    const cut = () => {
      const before = this.#area.value;
      this.#area.value = fit(before, this.#limit).text;
      this.#edited();
      this.#notice.show("wait", "The end was cut off", "Make sure that what matters is there.", { label: "Put it back", act: () => this.#restore(before) });
    };
    const help = `${number(this.#limit)} characters fit. Shorten it, or keep only the beginning.`;
    this.#notice.show("fault", "This is too long", help, { label: "Cut the end off", act: cut });
  }
}

/** A dropped file that misses its field would be opened in place of the page, and all that was typed would be gone. */
export function catchStrayFiles() {
  for (const name of /** @type {const} */ (["dragover", "drop"])) addEventListener(name, (event) => event.preventDefault());
}

/** @param {number} value */
function number(value) {
  return value.toLocaleString("en");
}
