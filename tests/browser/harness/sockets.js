/** @file Which process owns which UDP port, from the kernel's own tables (Linux). */

import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** @param {number} pid @returns {Set<number>} local UDP ports of that process */
export function udpPorts(pid) {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const found = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`));
      return found ? [found[1]] : [];
    }),
  );
  /** @type {Set<number>} */
  const ports = new Set();
  for (const table of ["udp", "udp6"]) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, "utf8").trim().split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (inodes.has(fields[9])) ports.add(Number.parseInt(fields[1].split(":")[1], 16));
    }
  }
  return ports;
}

/** A descriptor may close while we look. @param {string} path */
function linkOf(path) {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
