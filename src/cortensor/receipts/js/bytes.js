// SPDX-License-Identifier: Apache-2.0
// Bytes: lower-case 0x-hex, UTF-8, and the 32-byte big-endian words of the ABI.

import { Refused } from "./refused.js";

export const WORD_BYTES = 32;

const encoder = new TextEncoder();

/** UTF-8 of a text; a lone surrogate becomes U+FFFD, so ask `isWellFormed` first where it matters. */
export const utf8 = (text) => encoder.encode(text);

/** UTF-8 with `?` for each lone surrogate, which no UTF-8 can hold. */
export const utf8OrQuestion = (text) =>
  utf8(
    text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "?"),
  );

/** Whether a text has no lone surrogate. */
export const isWellFormed = (text) =>
  !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);

/** "0x" and lower-case digits. */
export function toHex(bytes) {
  let text = "0x";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The bytes of a lower-case 0x-hex text of exactly `length` bytes; equal bytes are equal text. */
export function fromHex(text, length, field) {
  if (text.length !== 2 + 2 * length || !/^0x[0-9a-f]*$/.test(text)) {
    throw new Refused(`must be 0x and ${2 * length} lower-case hex digits`, field);
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16);
  return bytes;
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** An unsigned integer as an ABI word. */
export function word(value) {
  return fromHex(`0x${BigInt(value).toString(16).padStart(64, "0")}`, WORD_BYTES, "word");
}

/** Bytes as an unsigned integer. */
export const toBigInt = (bytes) => (bytes.length ? BigInt(toHex(bytes)) : 0n);

/** -1, 0 or 1: bytes in lexical order. */
export function compareBytes(left, right) {
  for (let i = 0; i < left.length && i < right.length; i += 1) {
    if (left[i] !== right[i]) return left[i] < right[i] ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}
