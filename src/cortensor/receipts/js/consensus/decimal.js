// SPDX-License-Identifier: Apache-2.0
// Exact decimals: digits as a BigInt times ten to an exponent. 19.50 equals 19.5, 0.1 is a tenth.

const MOST_DIGITS = 400;
const ONE = 1_000_000n;

/** A number of JSON text as {digits, exponent}, or null beyond 400 digits or a larger exponent. */
export function readDecimal(text) {
  const found = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([-+]?[0-9]+))?$/.exec(text);
  if (!found) return null;
  const [, sign, whole, part = "", power = "0"] = found;
  const exponent = BigInt(power) - BigInt(part.length);
  const significant = (whole + part).replace(/^0+(?=.)/, "");
  if (significant.length > MOST_DIGITS) return null;
  if (exponent > MOST_DIGITS || exponent < -MOST_DIGITS) return null;
  const size = BigInt(significant);
  return { digits: sign ? -size : size, exponent };
}

const sizeOf = (value) => (value < 0n ? -value : value);

/** Whether two decimals are at most so many millionths of the larger one apart. */
export function numbersMatch(left, right, toleranceMillionths) {
  // In integers, at the finer of the two scales.
  const least = left.exponent < right.exponent ? left.exponent : right.exponent;
  const a = left.digits * 10n ** (left.exponent - least);
  const b = right.digits * 10n ** (right.exponent - least);
  const larger = sizeOf(a) > sizeOf(b) ? sizeOf(a) : sizeOf(b);
  return sizeOf(a - b) * ONE <= BigInt(toleranceMillionths) * larger;
}

/** A decimal times ten to the `decimals`, to the nearest integer, half to even. */
export function scaledAndRounded({ digits, exponent }, decimals) {
  const power = exponent + BigInt(decimals);
  return power >= 0n ? digits * 10n ** power : roundHalfEven(digits, 10n ** -power);
}

/** numerator / denominator to the nearest integer, half to even; the denominator is positive. */
export function roundHalfEven(numerator, denominator) {
  const rest = ((numerator % denominator) + denominator) % denominator;
  const below = (numerator - rest) / denominator;
  const twice = 2n * rest;
  const isUp = twice > denominator || (twice === denominator && (below & 1n) === 1n);
  return isUp ? below + 1n : below;
}
