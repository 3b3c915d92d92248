// @ts-check
/** @file An OpenAPI 3.1 document as rows to show. Pure: no page, no network. */

/**
 * @typedef {object} Operation
 * @property {string} id
 * @property {string} method in capitals
 * @property {string} path
 * @property {string} tag
 * @property {string} summary
 * @property {string} description
 * @property {string[]} ways names of the credentials that are taken; empty: none is needed
 * @property {[string, string][]} parameters name and what it is
 * @property {[string, string][]} body media type and what it is
 * @property {[string, string][]} answers status and what it means
 */

const METHODS = ["get", "post", "put", "patch", "delete"];

/** @param {any} document @returns {Operation[]} in the document's order */
export function operationsOf(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => operation(document, path, method, item[method])),
  );
}

/** @param {any} document @param {string} path @param {string} method @param {any} what @returns {Operation} */
function operation(document, path, method, what) {
  const security = what.security ?? document.security ?? [];
  const contents = Object.entries(what.requestBody?.content ?? {});
  return {
    id: what.operationId ?? `${method}-${path}`,
    method: method.toUpperCase(),
    path,
    tag: what.tags?.[0] ?? "other",
    summary: what.summary ?? "",
    description: what.description ?? "",
    ways: security.flatMap((/** @type {Record<string, string[]>} */ way) => Object.entries(way).map(([name, scopes]) => [name, ...scopes].join(" "))),
    parameters: (what.parameters ?? []).map((/** @type {any} */ one) => [one.name, [`${one.in}: ${typeOf(one.schema)}`, one.description].filter(Boolean).join(". ")]),
    body: contents.map(([type, content]) => [type, typeOf(/** @type {any} */ (content).schema)]),
    answers: Object.entries(what.responses).map(([status, answer]) => [status, answerOf(answer)]),
  };
}

/** @param {any} answer */
function answerOf(answer) {
  const types = Object.values(answer.content ?? {}).map((content) => typeOf(content.schema));
  return [answer.description, ...new Set(types)].filter(Boolean).join(" → ");
}

/** A schema in a few words. @param {any} schema @returns {string} */
export function typeOf(schema) {
  if (!schema) return "anything";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map(typeOf).join(" or ");
  if (schema.allOf) return schema.allOf.map(typeOf).join(" and ");
  if (schema.enum) return schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(", ");
  const types = [schema.type ?? "object"].flat();
  const named = types.map((type) => (type === "array" ? `list of ${typeOf(schema.items)}` : schema.format && type !== "null" ? `${type} (${schema.format})` : type));
  return named.join(" or ");
}

/** Whether every word of what somebody looks for occurs. @param {Operation} operation @param {string} wanted */
export function matches(operation, wanted) {
  const text = [operation.method, operation.path, operation.summary, operation.description, operation.tag].join(" ").toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
