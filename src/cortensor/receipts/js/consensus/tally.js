// SPDX-License-Identifier: Apache-2.0
// The strategies over labels: from grouped votes to scores, in BigInt millionths.

import { Refused } from "../refused.js";
import { shown } from "../words.js";
import { BPS, MICRO, floorDiv } from "./fixed_point.js";

/** The label of "none of the answers given". */
export const NOTHING = "";
const ONE_LIAR_NEEDS = 4;

const sizeOf = (value) => (value < 0n ? -value : value);
const sumOf = (values) => [...values].reduce((sum, value) => sum + value, 0n);

/** Every label that can win, and NOTHING if there may be others. */
function spaceOf({ groups, labels, against }) {
  const seen = groups.map((group) => group.label);
  if (labels === null || against.length) seen.push(NOTHING);
  return [...new Set([...(labels ?? []), ...seen])];
}

/** Replica index -> the label it speaks for. */
function choicesOf({ groups, against }) {
  const cast = new Map(groups.flatMap((g) => g.members.map((index) => [index, g.label])));
  for (const index of against) cast.set(index, NOTHING);
  return cast;
}

function majority({ groups, against }) {
  const scores = new Map(groups.map((g) => [g.label, MICRO * BigInt(g.members.length)]));
  if (against.length) scores.set(NOTHING, MICRO * BigInt(against.length));
  return { scores, ties: new Map(), evidence: null };
}

/** Sum of capped log-odds, less what is told twice; no replica outweighs all others. */
function byReputation(ballot) {
  const choices = choicesOf(ballot);
  const weights = pick(ballot.weighing.weights, choices, "weights");
  const evidence = withoutShared(weights, BigInt(ballot.weighing.correlation_bps ?? 0));
  const space = spaceOf(ballot);
  return {
    scores: sums(space, choices, withoutDictator(evidence)),
    ties: new Map(),
    evidence: sums(space, choices, evidence),
  };
}

/** Log-prior plus the log-likelihood of all votes, counted as effective votes. */
function ensembleModel(ballot) {
  const { weighing } = ballot;
  const told = [...pick(weighing.likelihoods, choicesOf(ballot), "likelihoods").values()];
  const correlation = BigInt(weighing.correlation_bps ?? 0);
  const spread = BPS + BigInt(Math.max(told.length, 1) - 1) * correlation;
  const scores = new Map();
  for (const [label, prior] of weighing.priors) {
    const sum = told.reduce((total, likelihood) => total + likelihoodOf(likelihood, label), 0n);
    scores.set(label, BigInt(prior) + floorDiv(BPS * sum, spread));
  }
  return { scores, ties: new Map(), evidence: scores };
}

function likelihoodOf(likelihood, label) {
  if (!likelihood.has(label)) throw new MissingKey(label);
  return BigInt(likelihood.get(label));
}

/** A label that a table lacks. */
export class MissingKey extends Error {
  constructor(key) {
    super(key);
    this.key = key;
  }
}

/** Majority; among equally many votes, the larger or (sign -1) smaller total. */
const byPreference = (sign) => (ballot) => ({
  ...majority(ballot),
  ties: preferences(ballot, sign),
});

const STRATEGIES = {
  "majority by None": majority,
  "weighted by reputation": byReputation,
  "weighted by stake": byPreference(1n),
  "weighted by latency": byPreference(-1n),
  "weighted by cost": byPreference(-1n),
  "ensemble_model by None": ensembleModel,
};

/**
 * Count a ballot by the strategy its weighing names.
 *
 * @returns {{scores: Map, ties: Map, evidence: ?Map}} by label; the highest score wins, then the
 *   highest tie; `evidence` are log-scores, null for rules that count
 */
export function tally(ballot) {
  const chosen = `${ballot.weighing.strategy} by ${shown(ballot.weighing.weight_by)}`;
  if (!Object.hasOwn(STRATEGIES, chosen)) {
    throw new Refused(`${chosen} is unknown`, "consensus.strategy");
  }
  return STRATEGIES[chosen](ballot);
}

function pick(given, choices, what) {
  const found = new Map();
  for (const index of choices.keys()) {
    if (!given.has(index)) throw new Refused(`replica ${index} has none`, `consensus.${what}`);
    found.set(index, given.get(index));
  }
  return found;
}

function sums(space, choices, weights) {
  const found = new Map(space.map((label) => [label, 0n]));
  for (const [index, label] of choices) {
    if (!found.has(label)) throw new MissingKey(label);
    found.set(label, found.get(label) + weights.get(index));
  }
  return found;
}

/** Each group's total; nothing if any vote has none, so that no gap looks like a 0. */
function preferences({ groups, weighing }, sign) {
  const known = weighing.preference;
  if (groups.some((group) => group.members.some((index) => !known.has(index)))) return new Map();
  return new Map(
    groups.map((g) => [g.label, sign * sumOf(g.members.map((index) => known.get(index)))]),
  );
}

/** Take from each weight half of what correlation says is told twice. */
function withoutShared(weights, correlationBps) {
  if (!weights.size) return weights;
  const phi = correlationBps / 2n;
  const total = sumOf([...weights.values()].map(sizeOf));
  const shared = (phi * total) / (BPS + BigInt(weights.size - 1) * phi);
  const shrink = (weight) => {
    const size = sizeOf(weight) > shared ? sizeOf(weight) - shared : 0n;
    return weight < 0n ? -size : size;
  };
  return new Map([...weights].map(([index, weight]) => [index, shrink(weight)]));
}

/** Bound the largest weight by the sum of the others, where one liar can be outvoted at all. */
function withoutDictator(weights) {
  if (weights.size < ONE_LIAR_NEEDS) return weights;
  let heaviest = null;
  for (const [index, weight] of weights) {
    if (heaviest === null || sizeOf(weight) > sizeOf(weights.get(heaviest))) heaviest = index;
  }
  const own = weights.get(heaviest);
  const others = sumOf([...weights.values()].map(sizeOf)) - sizeOf(own);
  const bound = sizeOf(own) < others ? sizeOf(own) : others;
  return new Map([...weights, [heaviest, own < 0n ? -bound : bound]]);
}
