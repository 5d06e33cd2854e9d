// SPDX-License-Identifier: Apache-2.0
// Answers that mean the same: groups from stated similarities, and the gates between two answers.

import { Refused } from "../refused.js";
import { hasFields, parseAnswer, valuesMatch } from "./equivalence.js";
import { fold } from "./folding.js";
import { claimsOf, closedGate } from "./gates.js";
import { groupStars } from "./grouping.js";

export const EMBEDDING = "embedding";
export const POI_DISPERSION_BPS = 2500;
const BPS = 10_000;
// A letter that is not Latin: the gates do not know what such words deny.
const OTHER_LETTER =
  /(?![\p{Nd}_A-Za-z\u00aa\u00b5\u00ba\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff])[\p{L}\p{N}]/u;

/** Refuse a block that leaves out or repeats a pair; else return it. */
export function likenessOf(block) {
  const order = [...block.order].sort((a, b) => a - b);
  const expected = order.flatMap((left, i) =>
    order.slice(i + 1).map((right) => `${left},${right}`),
  );
  const given = block.pairs.map((pair) => pair.replicas.join(","));
  if (new Set(order).size !== order.length || expected.join(" ") !== given.join(" ")) {
    throw new Refused("must compare every two answers once", "consensus.likeness");
  }
  return block;
}

/** Who gave the same answer, by stated similarities. */
export function groupsOf(block) {
  const alike = new Map();
  for (const {
    replicas: [left, right],
    similarity_bps: similarity,
    gate,
  } of block.pairs) {
    if (gate === null && BPS - similarity <= block.dispersion_bps) {
      alike.set(`${left},${right}`, similarity);
      alike.set(`${right},${left}`, similarity);
    }
  }
  return groupStars(block.order, (i, j) => alike.get(`${i},${j}`) ?? null);
}

function read(text) {
  const value = parseAnswer(text);
  return {
    folded: fold(text),
    claims: claimsOf(text),
    isLatin: !OTHER_LETTER.test(text),
    fields: hasFields(value) ? value : undefined,
  };
}

function isSame(left, right) {
  if (left.folded === right.folded) return true;
  const both = left.fields !== undefined && right.fields !== undefined;
  return both && valuesMatch(left.fields, right.fields);
}

/** Whether two texts are one answer without any model: equal as text or as JSON. */
export const isSameText = (left, right) => isSame(read(left), read(right));

/** The gate that two texts do not pass together; null where likeness may decide. */
export function gateBetween(leftText, rightText) {
  const [left, right] = [read(leftText), read(rightText)];
  if (isSame(left, right)) return null;
  if (left.fields !== undefined || right.fields !== undefined) return "structure";
  if (!left.isLatin || !right.isLatin) return "script";
  return closedGate(left.claims, right.claims);
}
