// SPDX-License-Identifier: Apache-2.0
// OpenZeppelin's own tree over the batch that openzeppelin.py describes.
// Reads {"leaves": how many, "proofs": [of which]}; writes root, these proofs, and the CPU seconds
// from values to root, and for the proofs.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const TYPES = ["bytes32", "uint64", "uint96"];

/** What something gives, and the CPU seconds it takes. */
function timed(work) {
  const started = process.cpuUsage();
  const found = work();
  const { user, system } = process.cpuUsage(started);
  return [found, (user + system) / 1e6];
}

const digest = (label) => `0x${createHash("sha256").update(label).digest("hex")}`;
const asked = JSON.parse(readFileSync(0, "utf8"));
const values = Array.from({ length: asked.leaves }, (_, i) => [
  digest(`digest-${asked.leaves}-${i}`),
  i + 1,
  (BigInt(i) + 1n) * 10n ** 18n + 7n,
]);

const [tree, root_s] = timed(() => StandardMerkleTree.of(values, TYPES));
const [proofs, proofs_s] = timed(() => asked.proofs.map((i) => tree.getProof(i)));
process.stdout.write(JSON.stringify({ root: tree.root, proofs, root_s, proofs_s }));
