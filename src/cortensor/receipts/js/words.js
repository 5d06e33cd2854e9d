// SPDX-License-Identifier: Apache-2.0
// Values in the verifier's sentences, spelt as the Python verifier spells them: the two say the same,
// word for word, so that a test can hold one to the other.

const IS_TUPLE = Symbol("tuple");

/** A fixed group of values, shown in round brackets. */
export function tuple(...items) {
  items[IS_TUPLE] = true;
  return items;
}

/** A value in a sentence; text stands bare. */
export const shown = (value) => (typeof value === "string" ? value : quoted(value));

function quoted(value) {
  if (value === null) return "None";
  if (value === undefined) return "UNSET";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return quotedText(value);
  if (Array.isArray(value)) {
    const items = value.map(quoted).join(", ");
    if (!value[IS_TUPLE]) return `[${items}]`;
    return value.length === 1 ? `(${items},)` : `(${items})`;
  }
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${quoted(key)}: ${quoted(item)}`).join(", ")}}`;
  }
  return String(value);
}

/** A text in quotes, with what cannot be printed escaped. */
export function quotedText(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = mark;
  for (const char of text) {
    const code = char.codePointAt(0);
    if (char === "\\" || char === mark) out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (char === "\r") out += "\\r";
    else if (char === "\t") out += "\\t";
    else if (char !== " " && /[\p{C}\p{Z}]/u.test(char)) out += escaped(code);
    else out += char;
  }
  return out + mark;
}

function escaped(code) {
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

/** Whether two values are the same, a BigInt being the Number it equals. */
export function same(left, right) {
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, i) => same(item, right[i]))
    );
  }
  if (left instanceof Map) {
    return (
      right instanceof Map &&
      left.size === right.size &&
      [...left].every(([key, item]) => right.has(key) && same(item, right.get(key)))
    );
  }
  const isNumber = (value) => typeof value === "number" || typeof value === "bigint";
  return left === right || (isNumber(left) && isNumber(right) && left == right);
}
