// SPDX-License-Identifier: Apache-2.0
// When two answers are "the same": by text, as JSON, or by shared words behind the gates.
// A relation has `prepare` and `similarity`: millionths, or null where the two are not one answer.

import { Refused } from "../refused.js";
import { checkNesting, readJson } from "../json.js";
import { numbersMatch, readDecimal } from "./decimal.js";
import { SPACE, fold } from "./folding.js";
import { claimsOf, closedGate } from "./gates.js";

const ONE = 1_000_000;
const MAX_JSON_DEPTH = 64;
const FENCE = new RegExp(
  `^[${SPACE}]*\`\`\`[A-Za-z]*[${SPACE}]*\\n([^]*)\\n[${SPACE}]*\`\`\`[${SPACE}]*$`,
);

class Decimal {
  constructor({ digits, exponent }) {
    this.digits = digits;
    this.exponent = exponent;
  }
}

function decimal(text) {
  const found = readDecimal(text);
  if (found === null) throw new Refused("is not a number that can be compared", "text");
  return new Decimal(found);
}

const isObject = (value) => value instanceof Map;

/** The JSON value of an answer, numbers exact, or undefined if it is none; a fence is removed. */
export function parseAnswer(text) {
  const bare = FENCE.exec(text)?.[1] ?? text;
  try {
    checkNesting(bare, MAX_JSON_DEPTH, "text");
    return readJson(bare, { int: decimal, float: decimal });
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

export const isDecimal = (value) => value instanceof Decimal;
export const hasFields = (value) => isObject(value) || Array.isArray(value);

/** Whether two JSON values are the same: keys in any order, text folded, numbers as decimals. */
export function valuesMatch(left, right, tolerance = 0) {
  if (isDecimal(left) && isDecimal(right)) return numbersMatch(left, right, tolerance);
  if (typeof left === "string" && typeof right === "string") return fold(left) === fold(right);
  if (Array.isArray(left) && Array.isArray(right)) {
    return (
      left.length === right.length && left.every((a, i) => valuesMatch(a, right[i], tolerance))
    );
  }
  if (isObject(left) && isObject(right)) {
    return (
      left.size === right.size &&
      [...left].every(([key, a]) => right.has(key) && valuesMatch(a, right.get(key), tolerance))
    );
  }
  return left === right;
}

const EXACT = {
  name: "exact",
  prepare: fold,
  similarity: (left, right) => (left === right ? ONE : null),
};

/** The JSON relation with a relative tolerance for numbers, in millionths of the larger one. */
export const jsonRelation = (tolerance = 0) => ({
  name: "json",
  prepare(text) {
    const value = parseAnswer(text);
    // An answer that is no JSON is compared as text, so prose never equals an object.
    return value === undefined ? { text: fold(text) } : { value };
  },
  similarity(left, right) {
    if ("text" in left || "text" in right) return left.text === right.text ? ONE : null;
    return valuesMatch(left.value, right.value, tolerance) ? ONE : null;
  },
});

const OVERLAP = {
  name: "overlap",
  prepare: claimsOf,
  similarity(left, right) {
    if (closedGate(left, right) !== null) return null;
    const shared = [...left.words].filter((word) => right.words.has(word)).length;
    const union = left.words.size + right.words.size - shared;
    if (union === 0) return ONE;
    return shared * 100 < union * 65 ? null : Math.floor((shared * ONE) / union);
  },
};

/** Relations by their name in a receipt. */
export const RELATIONS = { exact: EXACT, json: jsonRelation(), overlap: OVERLAP };
