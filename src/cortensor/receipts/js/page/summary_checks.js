// SPDX-License-Identifier: Apache-2.0
// What everyone can check of a receipt whose body is private: the signed struct, its signature, and
// its place in the anchored batch.

import { fromHex, toHex } from "../bytes.js";
import { differ, judge, notChecked } from "../checks/check.js";
import { merkleRoot, receiptLeaf } from "../merkle.js";
import { Refused } from "../refused.js";
import { recover } from "../secp256k1.js";
import { readStruct, receiptDigest } from "../typed.js";

const PRIVATE = "the body is the session's own: it takes a grant";
const CHAIN = ["signer", "anchored"];
const HIDDEN = ["id", "consensus", "evidence", "result", "request", "terms", "usage", "bill"];

/**
 * Check what the API shows without a grant.
 *
 * @param {string} id the receipt asked for
 * @param summary the answer of GET /api/v4/receipt/{id}
 * @param {Object|string} batch the answer of GET /api/v4/batch/{root}, or why there is none
 * @returns {{struct, signer, checks}} `struct` is null where it is malformed, `signer` where nobody
 *   signed it
 */
export function checkSummary(id, summary, batch) {
  let struct = null;
  let signer = null;
  const make = (name, check) => {
    try {
      return { name, ...check() };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { name, ...judge([error.message], "") };
    }
  };
  const checks = [
    make("struct", () => {
      struct = readStruct(new Map(Object.entries(summary.charge)));
      const stated = struct.receipt_id;
      return judge(
        differ("receipt_id", stated, id, "asked for is"),
        "it is of the receipt asked for",
      );
    }),
    make("signature", () => {
      if (struct === null) return judge(["there is no struct"], "");
      const digest = receiptDigest(struct, summary.chain);
      signer = recover(digest, fromHex(summary.signature, 65, "signature"));
      return judge(
        differ("digest", summary.digest, toHex(digest), "the struct gives"),
        `signed by ${signer}`,
      );
    }),
    make("proof", () =>
      typeof batch === "string" ? notChecked(batch) : checkBatch(id, summary, batch),
    ),
    ...CHAIN.map((name) => ({ name, ...notChecked("it takes a node of the chain") })),
    ...HIDDEN.map((name) => ({ name, ...notChecked(PRIVATE) })),
  ];
  return { struct, signer, checks };
}

function checkBatch(id, summary, batch) {
  const mine = batch.leaves.filter((leaf) => leaf.receipt_id === id);
  if (mine.length !== 1) return judge([`the batch has it ${mine.length} times`], "");
  const [{ leaf, digest, index, cumulative }] = mine;
  const made = receiptLeaf(fromHex(digest, 32, "digest"), index, BigInt(cumulative));
  const leaves = batch.leaves.map((each) => fromHex(each.leaf, 32, "leaf"));
  return judge(
    [
      ...differ("digest", digest, summary.digest, "the receipt has"),
      ...differ("leaf", leaf, toHex(made), "digest, index and total give"),
      ...differ("root", batch.root, toHex(merkleRoot(leaves)), "the leaves give"),
    ],
    `number ${index} of its session, under the root of a batch of ${leaves.length}`,
  );
}
