/** @file A wire between the server and its model that writes down which requests pass. Bytes, so that neither side notices. */

import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * @param {string} to the model's address, `http://host:port`
 * @returns {Promise<{url: string, requests: string[], stop: () => void}>} `requests`: first lines, as they pass
 */
export async function startWire(to) {
  const { hostname, port } = new URL(to);
  /** @type {string[]} */
  const requests = [];
  /** @type {Set<import("node:net").Socket>} */
  const open = new Set();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", () => near.destroy());
      socket.on("close", () => (open.delete(socket), near.destroy(), far.destroy()));
    }
    near.on("data", (bytes) => {
      for (const [line] of bytes.toString("latin1").matchAll(/^(?:GET|POST|DELETE) \S+ HTTP\/1\.1/gm)) requests.push(line);
    });
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => {
    for (const socket of open) socket.destroy();
    server.close();
  };
  return { url: `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`, requests, stop };
}
