// SPDX-License-Identifier: Apache-2.0
// A JSON reader that loses nothing: objects become Maps in the order of the text, a repeated key is
// refused, and a number is handed over as its text. `JSON.parse` keeps the last of two equal keys,
// reads 1.0 as 1 and rounds what is large, so two readers could read one receipt as two.

import { Refused } from "./refused.js";

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const CONSTANT = /NaN|-?Infinity/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const WORDS = [
  ["null", null],
  ["true", true],
  ["false", false],
];
const TOKEN = /"(?:[^"\\]|\\[^])*"?|[[\]{}]/g;
const SHOWN = 60;
const MOST_DIGITS = 4300;

/** A number with a fraction or an exponent: never equal to an integer. */
export class Float {
  constructor(value) {
    this.value = value;
  }
}

/** An integer of JSON text: a Number where that is exact, else a BigInt. */
export function integer(text) {
  if (text.length > MOST_DIGITS) throw new Refused("is not JSON: a number of too many digits", "$");
  const value = BigInt(text);
  return BigInt.asIntN(54, value) === value && value !== -(2n ** 53n) ? Number(value) : value;
}

/** Refuse a text that nests deeper than `limit`, wherever it may be malformed besides. */
export function checkNesting(text, limit, field) {
  let depth = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "[" || token === "{") {
      depth += 1;
      if (depth > limit) throw new Refused(`nests deeper than ${limit}`, field);
    } else if (token === "]" || token === "}") {
      depth -= 1;
    }
  }
}

class Reader {
  constructor(text, readers) {
    this.text = text;
    this.at = 0;
    this.readers = readers;
  }

  fail() {
    return new Refused(`is not JSON: unexpected text at ${this.at}`, "$");
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  take(char) {
    if (this.text[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  need(char) {
    if (!this.take(char)) throw this.fail();
  }

  whole() {
    const value = this.value();
    if (this.at < this.text.length) throw this.fail();
    return value;
  }

  value() {
    this.match(SPACE);
    const value = this.bare();
    this.match(SPACE);
    return value;
  }

  bare() {
    if (this.take('"')) return this.string();
    if (this.take("{")) return this.object();
    if (this.take("[")) return this.array();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    const constant = this.match(CONSTANT);
    if (constant) return this.readers.float(constant[0]);
    const number = this.match(NUMBER);
    if (!number) throw this.fail();
    const isFloat = number[1] !== undefined || number[2] !== undefined;
    return isFloat ? this.readers.float(number[0]) : this.readers.int(number[0]);
  }

  string() {
    let text = "";
    for (;;) {
      text += this.match(PLAIN)[0];
      if (this.take('"')) return text;
      this.need("\\");
      const mark = this.text[this.at];
      this.at += 1;
      if (mark === "u") {
        const digits = this.match(/[0-9a-fA-F]{4}/y);
        if (!digits) throw this.fail();
        text += String.fromCharCode(parseInt(digits[0], 16));
      } else if (Object.hasOwn(ESCAPES, mark)) {
        text += ESCAPES[mark];
      } else {
        throw this.fail();
      }
    }
  }

  object() {
    const found = new Map();
    this.match(SPACE);
    if (this.take("}")) return found;
    let repeated = null;
    do {
      this.match(SPACE);
      this.need('"');
      const key = this.string();
      this.match(SPACE);
      this.need(":");
      const value = this.value();
      if (found.has(key)) repeated ??= key;
      found.set(key, value);
    } while (this.take(","));
    this.need("}");
    if (repeated !== null) {
      throw new Refused(`repeats the key ${JSON.stringify(repeated.slice(0, SHOWN))}`, "$");
    }
    return found;
  }

  array() {
    const found = [];
    this.match(SPACE);
    if (this.take("]")) return found;
    do found.push(this.value());
    while (this.take(","));
    this.need("]");
    return found;
  }
}

/**
 * Read one JSON value. Nesting must have been checked: this recurses.
 *
 * @param {string} text
 * @param {{int: function(string), float: function(string)}} readers what numbers become
 */
export const readJson = (text, readers) => new Reader(text, readers).whole();
