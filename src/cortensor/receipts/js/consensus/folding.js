// SPDX-License-Identifier: Apache-2.0
// Text as answers are compared: NFC, full case folding, one space between words. And what letters,
// digits and space are: Unicode's, not JavaScript's `\w`, `\d` and `\s`, which know ASCII or a mix.

/** A letter, number or underscore; marks are none. For use inside a class. */
export const WORD = "\\p{L}\\p{N}_";
export const DIGIT = "\\p{Nd}";
export const SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** Where a word begins or ends. */
export const EDGE = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;

const SPACES = new RegExp(`[${SPACE}]+`, "gu");
const ENDS = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "gu");
const ASCII = /^[\0-\x7f]*$/;
// Folding is lower case of upper case, but for these: dotless i stays itself, capital sharp s has no
// lower case of two letters, and Cherokee folds to its capitals.
const DOTLESS = "\u0131";
const SHARP = "\u1e9e";
const CHEROKEE = /[\u13a0-\u13f5\u13f8-\u13fd\uab70-\uabbf]/;

function foldedChar(char) {
  if (char === DOTLESS) return char;
  if (char === SHARP) return "ss";
  return CHEROKEE.test(char) ? char.toUpperCase() : char.toUpperCase().toLowerCase();
}

/** Full case folding (Unicode's C and F mappings). */
export const caseFold = (text) =>
  ASCII.test(text) ? text.toLowerCase() : Array.from(text, foldedChar).join("");

/** NFC, case-folded, with runs of whitespace as one space, trimmed. */
export const fold = (text) =>
  caseFold(text.normalize("NFC")).replace(SPACES, " ").replace(ENDS, "");

/** -1, 0 or 1 by code points; JavaScript's own order is by UTF-16 units. */
export function compareText(left, right) {
  const [ours, theirs] = [Array.from(left), Array.from(right)];
  for (let i = 0; i < ours.length && i < theirs.length; i += 1) {
    const apart = ours[i].codePointAt(0) - theirs[i].codePointAt(0);
    if (apart) return Math.sign(apart);
  }
  return Math.sign(ours.length - theirs.length);
}

/** The first `count` code points. */
export const firstOf = (text, count) => Array.from(text).slice(0, count).join("");
