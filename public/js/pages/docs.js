// @ts-check
/** @file The served OpenAPI document, readable for people. It shows what the document says and knows nothing besides. */

import { find, make, say } from "../dom.js";
import { matches, operationsOf, typeOf } from "../openapi.js";

const notice = find("notice", HTMLElement);
const wanted = find("wanted", HTMLInputElement);

/** @param {[string, string][]} rows @returns {HTMLElement} */
function table(rows) {
  return make("table", {}, make("tbody", {}, ...rows.map(([name, what]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, what)))));
}

/** @param {string} title @param {[string, string][]} rows @returns {HTMLElement[]} */
const part = (title, rows) => (rows.length === 0 ? [] : [make("h4", {}, title), table(rows)]);

/** @param {import("../openapi.js").Operation} operation */
function card(operation) {
  const method = make("span", { class: operation.method === "GET" ? "method" : "method changes" }, operation.method);
  const inside = make("div", { class: "inside" });
  if (operation.description) inside.append(make("p", {}, operation.description));
  inside.append(make("p", {}, operation.ways.length === 0 ? "No credential is needed." : `With: ${operation.ways.join(", ")}.`));
  inside.append(...part("Parameters", operation.parameters), ...part("Body", operation.body), ...part("Answers", operation.answers));
  const element = make("details", { id: operation.id }, make("summary", {}, method, make("code", {}, operation.path), make("span", {}, operation.summary)), inside);
  return { operation, element };
}

async function start() {
  const response = await fetch("/api/openapi.json", { credentials: "omit" });
  if (!response.ok) throw new Error(`The document did not come (${response.status}).`);
  const document = await response.json();
  say(find("about", HTMLElement), document.info.description);
  const cards = operationsOf(document).map(card);
  const groups = new Map(cards.map(({ operation }) => [operation.tag, make("section", {}, make("h2", {}, operation.tag))]));
  for (const { operation, element } of cards) groups.get(operation.tag)?.append(element);
  find("operations", HTMLElement).append(...groups.values());
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => {
    const fields = /** @type {[string, string][]} */ (Object.entries(schema.properties ?? {}).map(([field, of]) => [field, typeOf(of)]));
    const inside = make("div", { class: "inside" }, ...(fields.length > 0 ? [table(fields)] : [make("p", {}, typeOf(schema))]));
    return make("details", { id: `schema-${name}` }, make("summary", {}, make("code", {}, name)), inside);
  });
  find("schemas", HTMLElement).append(...schemas);

  wanted.addEventListener("input", () => {
    let shown = 0;
    for (const { operation, element } of cards) {
      element.hidden = !matches(operation, wanted.value);
      if (!element.hidden) shown += 1;
    }
    for (const group of groups.values()) group.hidden = !group.querySelector("details:not([hidden])");
    say(find("told", HTMLElement), `${shown} operations`);
  });
}

start()
  .catch((error) => {
    say(notice, `${error.message} Reload the page to try again.`);
    notice.hidden = false;
  })
  .finally(() => find("main", HTMLElement).removeAttribute("aria-busy"));
