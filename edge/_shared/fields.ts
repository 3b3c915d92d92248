/**
 * What the fields of a body must look like: the same rules as the service's. Texts may end up in a model's instructions,
 * so they are short and printable. A message names the field and never repeats its value.
 */

import { Problem } from "./problem.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]{1,8})*$/i;
const VOICE = /^[A-Za-z0-9_-]{1,64}$/;
const CONTROL = /\p{Cc}/u;
const MAX_LABEL = 120;

/** What a candidate agreed to. */
export interface Consent {
  /** Version of the notice that was shown. */
  version: string;
  /** Language it was shown in. */
  locale: string;
  /** SHA-256 of its text, hex. */
  text_hash: string | null;
}

/** Characters as people count them here: code points. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** The fields of one JSON object. Those that nobody asks for are ignored. */
export class Fields {
  #values: Record<string, unknown>;

  constructor(values: Record<string, unknown>) {
    this.#values = values;
  }

  /** Whether it is there; `null` counts as absent. */
  has(name: string): boolean {
    return this.value(name) !== null;
  }

  /** A value of any type; `null` if it is absent. */
  value(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] ?? null : null;
  }

  /** A text as it came. */
  string(name: string): string | null {
    const value = this.value(name);
    if (value === null || typeof value === "string") return value;
    throw Problem.invalid(`\`${name}\` must be text.`, name);
  }

  /** A UUID, in lower case. */
  uuid(name: string): string | null {
    const text = this.string(name);
    if (text === null || UUID.test(text)) return text?.toLowerCase() ?? null;
    throw Problem.invalid(`\`${name}\` must be a UUID.`, name);
  }

  /** A UUID that has to be there. */
  neededUuid(name: string): string {
    const id = this.uuid(name);
    if (id === null) throw Problem.invalid(`\`${name}\` is missing.`, name);
    return id;
  }

  /** A name or role: trimmed, on one line; blank counts as absent. */
  label(name: string): string | null {
    const text = this.#trimmed(name);
    if (text !== null && (characters(text) > MAX_LABEL || CONTROL.test(text))) {
      throw Problem.invalid(`\`${name}\` must be one line of at most ${MAX_LABEL} characters.`, name);
    }
    return text;
  }

  /** A document or wishes: trimmed; blank counts as absent. */
  text(name: string, most: number): string | null {
    const text = this.#trimmed(name);
    if (text !== null && (characters(text) > most || text.includes("\0"))) {
      throw Problem.invalid(`\`${name}\` must be text of at most ${most} characters.`, name);
    }
    return text;
  }

  /** An address that a message could be sent to, as far as its form tells. */
  email(name: string): string | null {
    const text = this.#trimmed(name);
    if (text === null) return null;
    const [local, domain, ...more] = text.split("@");
    const isAddress = text.length <= 254 && !/[\p{Cc}\s]/u.test(text) && local !== "" && more.length === 0 &&
      domain !== undefined && domain.replaceAll(/^\.+|\.+$/g, "").includes(".");
    if (!isAddress) throw Problem.invalid(`\`${name}\` must be an e-mail address.`, name);
    return text;
  }

  /** A language tag in the form of BCP 47. */
  language(name: string): string | null {
    const text = this.string(name);
    if (text !== null && (text.length > 35 || !LANGUAGE.test(text))) {
      throw Problem.invalid(`\`${name}\` must be a language tag such as en or pt-BR.`, name);
    }
    return text;
  }

  /** A voice's name. */
  voice(name: string): string | null {
    const text = this.string(name);
    if (text !== null && !VOICE.test(text)) {
      throw Problem.invalid(`\`${name}\` must be a voice's name such as marin.`, name);
    }
    return text;
  }

  /** One of several words. */
  oneOf<T extends string>(name: string, words: readonly T[]): T | null {
    const text = this.string(name);
    if (text === null) return null;
    const found = words.find((word) => word === text);
    if (found === undefined) throw Problem.invalid(`\`${name}\` must be one of ${words.join(", ")}.`, name);
    return found;
  }

  /** Yes or no. */
  flag(name: string): boolean | null {
    const value = this.value(name);
    if (value === null || typeof value === "boolean") return value;
    throw Problem.invalid(`\`${name}\` must be true or false.`, name);
  }

  /** An object's fields. */
  object(name: string): Fields | null {
    const value = this.value(name);
    if (value === null) return null;
    if (typeof value !== "object" || Array.isArray(value)) {
      throw Problem.invalid(`\`${name}\` must be an object.`, name);
    }
    return new Fields(value as Record<string, unknown>);
  }

  /** No consent, no ticket. */
  consent(): Consent {
    const given = this.object("consent");
    if (given === null) {
      const how = "Send `consent` with the version and locale of the notice that the candidate agreed to.";
      throw new Problem("CONSENT_REQUIRED", how);
    }
    const [version, locale, textHash] = [given.string("version"), given.string("locale"), given.string("text_hash")];
    const isShort = (text: string | null): text is string =>
      text !== null && text !== "" && characters(text) <= 32 && !CONTROL.test(text);
    if (!isShort(version) || !isShort(locale) || textHash !== null && !/^[0-9a-f]{64}$/i.test(textHash)) {
      throw Problem.invalid(
        "`consent` needs a short version and locale; text_hash, if sent, is 64 hex digits.",
        "consent",
      );
    }
    return { version, locale, text_hash: textHash };
  }

  #trimmed(name: string): string | null {
    const text = this.string(name)?.trim() ?? "";
    return text === "" ? null : text;
  }
}
