// @ts-check
/** @file Errors beside the fields that they are about. It changes no field's content. */

import { make } from "../dom.js";

/** The field that a refusal names: `VALIDATION_FAILED` begins with its name in backticks. @param {unknown} error @returns {string | null} */
export function fieldOf(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  if (code !== "VALIDATION_FAILED") return null;
  return /^`([a-z_]+)`/.exec(message ?? "")?.[1] ?? null;
}

export class FieldErrors {
  #form;
  /** @type {Map<Element, HTMLElement>} */
  #shown = new Map();

  /** @param {HTMLFormElement} form its fields bear the names of the API */
  constructor(form) {
    this.#form = form;
    form.addEventListener("input", ({ target }) => this.#clear(/** @type {Element} */ (target)));
  }

  /**
   * Says it beside the field, and goes there.
   * @param {string} name @param {string} words
   * @returns {boolean} false: the form has no such field
   */
  show(name, words) {
    const found = this.#form.elements.namedItem(name);
    const field = found instanceof RadioNodeList ? found[0] : found;
    if (!(field instanceof HTMLElement)) return false;
    this.#clear(field);
    const id = `${field.id || name}-wrong`;
    const line = make("p", { class: "field-error", id, role: "alert" }, words);
    // Beside a choice the whole group is what is wrong.
    const place = found instanceof RadioNodeList ? (field.closest("fieldset") ?? field) : field;
    if (place === field) place.after(line);
    else place.append(line);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", id);
    this.#shown.set(field, line);
    field.closest("details")?.setAttribute("open", "");
    field.focus();
    return true;
  }

  clear() {
    for (const field of [...this.#shown.keys()]) this.#clear(field);
  }

  /** @param {Element} field */
  #clear(field) {
    this.#shown.get(field)?.remove();
    this.#shown.delete(field);
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-errormessage");
  }
}
