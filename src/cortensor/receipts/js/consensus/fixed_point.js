// SPDX-License-Identifier: Apache-2.0
// Logarithm and logistic function in integers, correctly rounded. Each is defined by its value and
// one rounding: it is bracketed in binary fixed point, and the precision raised until both ends of
// the bracket round to one integer. Everything is a BigInt.

export const MICRO = 1_000_000n;
export const BPS = 10_000n;

const FIRST_BITS = 96n;
const SLACK = 1n << 40n;
const SMALL = 4n; // exp is taken of arguments below 2^-4 and squared back
const FAR = 200n; // exp(-200) is nothing beside any probability in millionths

const sizeOf = (value) => (value < 0n ? -value : value);
const bitLength = (value) => (value === 0n ? 0n : BigInt(value.toString(2).length));

/** floor(a / b), b positive. */
export const floorDiv = (a, b) => (a - (((a % b) + b) % b)) / b;

/** The nearest integer to 10^6 ln(numerator / denominator), both positive. */
export function lnMicro(numerator, denominator) {
  if (numerator === denominator) return 0n;
  return resolve((bits) => nearest(ln(numerator, denominator, bits), bits));
}

/** floor(10000 / (1 + exp(-margin / temperature))), below 10000 always. */
export function logistic(marginMicro, temperatureBps) {
  if (marginMicro === 0n) return BPS / 2n;
  const isPositive = marginMicro > 0n;
  const [over, under] = [sizeOf(marginMicro) * BPS, MICRO * temperatureBps];
  if (over > FAR * under) return isPositive ? BPS - 1n : 0n;
  return resolve((bits) => {
    // With t = |x|: 1/(1 + exp(-x)) is 1/(1 + e^-t) above zero and e^-t/(1 + e^-t) below.
    const tail = expMinus(over, under, bits);
    const one = 1n << bits;
    const top = isPositive ? one : tail;
    const least = (value) => (value > 0n ? value : 0n);
    const low = (BPS * least(top - SLACK)) / (one + tail + SLACK);
    const high = (BPS * (top + SLACK)) / (one + least(tail - SLACK));
    return [low, high < BPS - 1n ? high : BPS - 1n];
  });
}

/** score - ln(sum of exp(other)): the log-odds of one label against all others, in millionths. */
export function logOddsMicro(score, others) {
  const highest = others.reduce((most, other) => (other > most ? other : most));
  if (others.length === 1) return score - highest;
  const gaps = others.map((other) => highest - other).filter((gap) => gap <= FAR * MICRO);
  return score - highest - lnSumMicro(gaps);
}

function lnSumMicro(gaps) {
  if (gaps.every((gap) => gap === 0n)) return lnMicro(BigInt(gaps.length), 1n);
  return resolve((bits) => {
    const total = gaps.reduce((sum, gap) => sum + expMinus(gap, MICRO, bits), 0n);
    return nearest(ln(total, 1n << bits, bits), bits);
  });
}

function resolve(bracket) {
  for (let bits = FIRST_BITS; ; bits *= 2n) {
    const [low, high] = bracket(bits);
    if (low === high) return low;
  }
}

function nearest(value, bits) {
  const half = 1n << (bits - 1n);
  return [((value - SLACK) * MICRO + half) >> bits, ((value + SLACK) * MICRO + half) >> bits];
}

function ln(numerator, denominator, bits) {
  const shift = bitLength(numerator) - bitLength(denominator);
  const [a, b] =
    shift > 0n ? [numerator, denominator << shift] : [numerator << -shift, denominator];
  // The ratio is now between 1/2 and 2, so atanh's argument is at most a third.
  return atanh2(a - b, a + b, bits) + shift * atanh2(1n, 3n, bits);
}

/** 2^bits * 2 atanh(numerator / denominator), by its power series. */
function atanh2(numerator, denominator, bits) {
  const ratio = (sizeOf(numerator) << bits) / denominator;
  const square = (ratio * ratio) >> bits;
  let total = 0n;
  for (let power = ratio, odd = 1n; power > 0n; odd += 2n) {
    total += power / odd;
    power = (power * square) >> bits;
  }
  return numerator < 0n ? -2n * total : 2n * total;
}

/** 2^bits exp(-numerator / denominator) for an argument of 0 .. 200. */
function expMinus(numerator, denominator, bits) {
  const halvings = bitLength(numerator / denominator) + SMALL;
  const step = (numerator << bits) / (denominator << halvings);
  let total = 0n;
  for (let term = 1n << bits, count = 0n; term > 0n;) {
    total += count % 2n ? -term : term;
    count += 1n;
    term = ((term * step) >> bits) / count;
  }
  for (let i = 0n; i < halvings; i += 1n) total = (total * total) >> bits;
  return total;
}
