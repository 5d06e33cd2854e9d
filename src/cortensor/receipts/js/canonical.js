// SPDX-License-Identifier: Apache-2.0
// RFC 8785 canonical JSON, and the receipts' stricter reading of it: no floats, no integers beyond
// 2^53 - 1, no repeated keys, no lone surrogates.

import { isWellFormed, utf8 } from "./bytes.js";
import { Float, checkNesting, integer, readJson } from "./json.js";
import { Refused } from "./refused.js";

export const MAX_DEPTH = 32;

const NUMBERS = {
  int: integer,
  float: (text) => {
    throw new Refused(`number ${text.slice(0, 40)} is not an integer`, "$");
  },
};

/** Refuse what has not exactly one canonical form, naming its path. */
export function checkCanonical(value, field = "$") {
  if (typeof value === "bigint") {
    throw new Refused("integers beyond 2**53 - 1 must be strings", field);
  }
  if (typeof value === "string" && !isWellFormed(value)) {
    throw new Refused("holds a lone surrogate", field);
  }
  if (value instanceof Float) {
    throw new Refused("float has no canonical form; use integers or strings", field);
  }
  if (Array.isArray(value)) value.forEach((item, i) => checkCanonical(item, `${field}[${i}]`));
  if (value instanceof Map) {
    for (const [key, item] of value) {
      if (!isWellFormed(key)) throw new Refused("holds a lone surrogate", field);
      checkCanonical(item, `${field}.${key}`);
    }
  }
}

/** The RFC 8785 text of a value: keys in order of UTF-16 units, numbers as ECMAScript writes them. */
export function canonicalText(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (value instanceof Map) {
    const keys = [...value.keys()].sort();
    const members = keys.map((key) => `${JSON.stringify(key)}:${canonicalText(value.get(key))}`);
    return `{${members.join(",")}}`;
  }
  return value instanceof Float ? JSON.stringify(value.value) : JSON.stringify(value);
}

/** The canonical bytes of a value of a receipt. */
export function canonicalBytes(value) {
  checkCanonical(value);
  return utf8(canonicalText(value));
}

/** Read JSON that `canonicalBytes` can reproduce, from text or UTF-8 bytes. */
export function loadJson(data) {
  let text = data;
  if (typeof data !== "string") {
    try {
      text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    } catch {
      throw new Refused("is not UTF-8", "$");
    }
  }
  checkNesting(text, MAX_DEPTH, "$");
  const value = readJson(text, NUMBERS);
  checkCanonical(value);
  return value;
}
