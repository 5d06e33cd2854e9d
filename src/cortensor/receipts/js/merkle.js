// SPDX-License-Identifier: Apache-2.0
// OpenZeppelin's StandardMerkleTree: leaves hashed twice and sorted, pairs hashed in sorted order.

import { compareBytes, concat, word } from "./bytes.js";
import { keccak256 } from "./keccak.js";

const doubleHash = (encoded) => keccak256(keccak256(encoded));

const hashPair = (left, right) =>
  keccak256(compareBytes(left, right) < 0 ? concat(left, right) : concat(right, left));

/** The anchored leaf of types [bytes32, uint64, uint96]: digest, session index, cumulative wei. */
export const receiptLeaf = (digest, index, cumulative) =>
  doubleHash(concat(digest, word(index), word(cumulative)));

/** The evidence leaf of types [bytes32, bytes]: a salt and a replica's canonical JSON. */
export function evidenceLeaf(salt, record) {
  const padding = new Uint8Array((32 - (record.length % 32)) % 32);
  return doubleHash(concat(salt, word(64), word(record.length), record, padding));
}

/** The root over leaves. */
export function merkleRoot(leaves) {
  const sorted = [...leaves].sort(compareBytes);
  const tree = [...Array(sorted.length - 1), ...sorted.reverse()];
  for (let i = sorted.length - 2; i >= 0; i -= 1) {
    tree[i] = hashPair(tree[2 * i + 1], tree[2 * i + 2]);
  }
  return tree[0];
}

/** The root that a leaf and its proof lead to. */
export const processProof = (leaf, proof) => proof.reduce(hashPair, leaf);
