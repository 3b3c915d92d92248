// @ts-check
/** @file A live translation of whoever speaks near this machine. */

import { Listening } from "../listening.js";

new Listening({
  kind: "translation",
  names: { candidate: "Said", ai: "Translation" },
  hearing: "Translating",
  source: () => undefined,
  wishes: (fields) => {
    const title = String(fields.get("title") ?? "").trim();
    return { ...(title && { title }), target_language: String(fields.get("target_language")) };
  },
  fault: () => null,
});
