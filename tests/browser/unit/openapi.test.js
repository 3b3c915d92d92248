/** @file The rows that the page of the interface shows. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { matches, operationsOf, typeOf } from "../../../public/js/openapi.js";

const DOCUMENT = {
  security: [{ cookie: [] }],
  paths: {
    "/api/things/{id}": {
      get: {
        operationId: "getThing",
        summary: "Read a thing",
        tags: ["things"],
        security: [{ ticket: [] }, { access_key: ["things:read"] }],
        parameters: [{ name: "id", in: "path", description: "Which", schema: { type: "string", format: "uuid" } }],
        responses: { 200: { description: "It.", content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } } },
      },
      delete: { responses: { 204: { description: "Gone." } } },
    },
    "/live": { get: { security: [{}], responses: {} } },
  },
};

describe("the interface's document", () => {
  const [read, remove, live] = operationsOf(DOCUMENT);

  it("becomes one entry an operation", () => {
    assert.deepEqual([read.method, read.path, read.tag, read.id], ["GET", "/api/things/{id}", "things", "getThing"]);
    assert.deepEqual(read.ways, ["ticket", "access_key things:read"]);
    assert.deepEqual(read.parameters, [["id", "path: string (uuid). Which"]]);
    assert.deepEqual(read.answers, [["200", "It. → Thing"]]);
    assert.deepEqual([remove.method, remove.ways, live.ways], ["DELETE", ["cookie"], []]);
  });

  it("names types in a few words", () => {
    assert.equal(typeOf({ type: ["string", "null"] }), "string or null");
    assert.equal(typeOf({ type: "array", items: { type: "integer", format: "int32" } }), "list of integer (int32)");
    assert.equal(typeOf({ oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Level" }] }), "null or Level");
    assert.equal(typeOf({ type: "string", enum: ["a", "b"] }), '"a", "b"');
  });

  it("is found by all the words of a search", () => {
    assert.ok(matches(read, "get thing") && matches(read, "") && !matches(read, "delete thing"));
  });
});
