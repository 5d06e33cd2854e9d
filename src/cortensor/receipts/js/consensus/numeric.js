// SPDX-License-Identifier: Apache-2.0
// Scores: median, median of means, trimmed mean, each with an interval, in exact rationals.
// A rational is [numerator, denominator], BigInts with a positive denominator.

import { Refused } from "../refused.js";
import { LAPLACE, laplaceBps } from "./confidence.js";
import { roundHalfEven } from "./decimal.js";
import { checkIndices, effectiveVotesMilli } from "./outcome.js";

const MIN_GOLD_ITEMS = 25;
const RANGE_TRIMS_FROM = 5;
const GROUPS = 3;

const sizeOf = (value) => (value < 0n ? -value : value);
const sum = (values) => values.reduce((total, value) => total + value, 0n);
const ascending = (a, b) => (a < b ? -1 : Number(a > b));

/** The median of rationals. */
function middle(values) {
  const ordered = [...values].sort(([a, b], [c, d]) => ascending(a * d, c * b));
  const half = Math.floor(ordered.length / 2);
  if (ordered.length % 2) return ordered[half];
  const [[a, b], [c, d]] = [ordered[half - 1], ordered[half]];
  return [a * d + c * b, 2n * b * d];
}

const mean = (values) => [sum(values), BigInt(values.length)];

/** The values in order without a fifth, rounded up, at each end; all of them if fewer than three. */
function trimmed(values) {
  const drop = values.length > 2 ? Math.ceil(values.length / 5) : 0;
  return [...values].sort(ascending).slice(drop, values.length - drop);
}

const ESTIMATES = {
  median: (values) => middle(values.map((value) => [value, 1n])),
  median_of_means(values) {
    const groups = [];
    for (let start = 0; start < Math.min(GROUPS, values.length); start += 1) {
      groups.push(mean(values.filter((_, i) => i % GROUPS === start)));
    }
    return middle(groups);
  },
  trimmed_mean: (values) => mean(trimmed(values)),
};

/** The strategies over scores. */
export const NUMERIC = Object.keys(ESTIMATES);

/** Refuse a scale that is none; else return it in BigInts. */
function readScale(block) {
  const tolerance = BigInt(block.tolerance);
  const bounds = block.bounds && block.bounds.map(BigInt);
  if (tolerance < 0n) throw new Refused("must not be negative", "scale.tolerance");
  if (bounds && bounds[0] > bounds[1]) throw new Refused("must ascend", "scale.bounds");
  return {
    tolerance,
    bounds,
    halfWidth: block.half_width === null ? null : BigInt(block.half_width),
  };
}

/**
 * Decide a round of scores.
 *
 * @param {{index: number, value: ?bigint}[]} votes
 * @param {string} strategy one of NUMERIC
 * @param rules policy, thresholdBps, nonVotes
 * @param block the receipt's `scale`
 * @param calibration the receipt's; `right` and `rounds` are its past errors in short
 * @param {?number} correlationBps
 */
export function decideScores(votes, strategy, rules, block, calibration, correlationBps) {
  const scale = readScale(block);
  checkIndices(votes.map((vote) => vote.index));
  const cast = votes
    .filter(({ value }) => value !== null && isWithin(value, scale.bounds))
    .sort((a, b) => a.index - b.index);
  const values = cast.map((vote) => vote.value);
  const counted = rules.nonVotes === "ignore" ? cast.length : votes.length;
  const result = cast.length ? roundHalfEven(...ESTIMATES[strategy](values)) : 0n;
  const isNear = (vote) => sizeOf(vote.value - result) <= scale.tolerance;
  const near = cast.filter(isNear).map((vote) => vote.index);
  const agreement = cast.length ? Math.floor((10_000 * near.length) / counted) : 0;
  const strong = agreement < rules.thresholdBps || near.length === 0;
  const isRefused = cast.length === 0 || (rules.policy === "fail_hard" && strong);
  const winner = isRefused ? [] : near;
  const [method, confidence] = confidenceOf(calibration, counted, near.length);
  const far = cast.length - near.length;
  return {
    outcome: isRefused ? (cast.length ? "NO_CONSENSUS" : "FAILED") : "OK",
    equivalence: "score",
    policy: rules.policy,
    thresholdBps: rules.thresholdBps,
    nonVotes: rules.nonVotes,
    strategy,
    replicas: votes.length,
    winner,
    dissent: cast.map((vote) => vote.index).filter((index) => !winner.includes(index)),
    votes: new Map(
      [
        ["0", near.length],
        ["1", far],
      ].filter(([, count]) => count),
    ),
    groups: cast.map((vote) => [vote.index, isNear(vote) ? "0" : "1"]),
    absent: votes.length - cast.length,
    agreementBps: agreement,
    confidenceBps: isRefused ? 0 : confidence,
    isStrongDisagreement: strong,
    calibration: method,
    marginMicro: null,
    nEffMilli: correlationBps === null ? null : effectiveVotesMilli(cast.length, correlationBps),
    value: isRefused ? null : result,
    interval: isRefused ? null : intervalOf(values, result, scale),
  };
}

const isWithin = (value, bounds) => !bounds || (bounds[0] <= value && value <= bounds[1]);

function confidenceOf({ right, rounds, version }, counted, near) {
  const [within, past] = [BigInt(right ?? 0), BigInt(rounds ?? 0)];
  if (past < MIN_GOLD_ITEMS) return [LAPLACE, laplaceBps(near, counted)];
  const method = { ...LAPLACE, method: "residuals", n_history: Number(past), version };
  return [method, Number((10_000n * (within + 1n)) / (past + 2n))];
}

/** Lowest and highest plausible score: by past errors, else the range of the scores. */
function intervalOf(values, result, { bounds, halfWidth }) {
  const least = (a, b) => (a < b ? a : b);
  const most = (a, b) => (a > b ? a : b);
  if (halfWidth !== null) {
    const [low, high] = [result - halfWidth, result + halfWidth];
    return bounds ? [most(low, bounds[0]), least(high, bounds[1])] : [low, high];
  }
  const kept = values.length >= RANGE_TRIMS_FROM ? trimmed(values) : [...values].sort(ascending);
  return [least(kept[0], result), most(kept[kept.length - 1], result)];
}
