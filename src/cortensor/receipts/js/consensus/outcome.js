// SPDX-License-Identifier: Apache-2.0
// From scores to an outcome: leader, ties, agreement, disagreement policy, confidence.

import { Refused } from "../refused.js";
import { LAPLACE, confidenceBps } from "./confidence.js";
import { logOddsMicro } from "./fixed_point.js";
import { NOTHING, tally } from "./tally.js";

export const MAJORITY = {
  strategy: "majority",
  weight_by: null,
  fallback: null,
  correlation_bps: null,
};

/** Refuse labels that are not distinct. */
function checkLabels(labels) {
  if (labels !== null && new Set(labels).size !== labels.length) {
    throw new Refused("must be distinct and not empty", "consensus.labels");
  }
}

/** Refuse a round that has a replica twice. */
export function checkIndices(indices) {
  if (new Set(indices).size !== indices.length) {
    throw new Refused("must not repeat an index", "votes");
  }
}

/** Effective votes in thousandths, rounded down (Kish). */
export const effectiveVotesMilli = (votes, correlationBps) =>
  votes === 0
    ? 0
    : Number(
        (10_000_000n * BigInt(votes)) / (10_000n + BigInt(votes - 1) * BigInt(correlationBps)),
      );

/** Group [index, label] pairs by label, in order of their indices; null is no vote. */
export function byLabel(labels) {
  const members = new Map();
  for (const [index, label] of [...labels].sort(([a], [b]) => a - b)) {
    if (label !== null) members.set(label, [...(members.get(label) ?? []), index]);
  }
  return [...members].map(([label, indices]) => ({
    label,
    members: indices,
    representative: indices[0],
  }));
}

/**
 * Decide from group labels, as a receipt holds them.
 *
 * @param {[number, ?string][]} voted replica index -> label, null for none
 * @param rules equivalence, policy, thresholdBps, nonVotes, labels (or null)
 * @param weighing the strategy and its weights
 * @param calibration how the confidence was made
 */
export function decideGroups(voted, rules, weighing = MAJORITY, calibration = LAPLACE) {
  checkLabels(rules.labels);
  const indices = voted.map(([index]) => index);
  checkIndices(indices);
  const groups = byLabel(voted);
  const cast = groups.flatMap((g) => g.members.map((index) => [index, g.label]));
  cast.sort(([a], [b]) => a - b);
  const isCast = new Set(cast.map(([index]) => index));
  const absent = indices.filter((index) => !isCast.has(index)).sort((a, b) => a - b);
  const against = rules.nonVotes === "against" ? absent : [];
  const counted = rules.nonVotes === "ignore" ? cast.length : indices.length;
  const counts = groups.length ? tally({ groups, labels: rules.labels, weighing, against }) : null;
  const leaders = counts ? leadersOf(counts, groups) : [];
  const agreement = leaders.reduce(
    (most, group) => Math.max(most, Math.floor((10_000 * group.members.length) / counted)),
    0,
  );
  const strong = leaders.length !== 1 || agreement < rules.thresholdBps;
  const winner = winnerOf(leaders, groups, rules.policy, strong);
  const members = winner ? winner.members : [];
  let margin = null;
  let confidence = 0;
  if (winner && counts) {
    if (counts.evidence) {
      const others = [...counts.evidence].filter(([label]) => label !== winner.label);
      const rest = others.length ? others.map(([, score]) => score) : [0n];
      margin = logOddsMicro(counts.evidence.get(winner.label) ?? 0n, rest);
    }
    confidence = confidenceBps(calibration, counted, members.length, margin);
  }
  const correlation = weighing.correlation_bps;
  return {
    outcome: outcomeOf(winner, groups, rules.equivalence),
    equivalence: rules.equivalence,
    policy: rules.policy,
    thresholdBps: rules.thresholdBps,
    nonVotes: rules.nonVotes,
    strategy: weighing.strategy,
    replicas: indices.length,
    winner: members,
    dissent: cast.map(([index]) => index).filter((index) => !members.includes(index)),
    votes: new Map(groups.map((group) => [group.label, group.members.length])),
    groups: cast,
    absent: absent.length,
    agreementBps: agreement,
    confidenceBps: confidence,
    isStrongDisagreement: strong,
    calibration,
    marginMicro: margin,
    nEffMilli: correlation === null ? null : effectiveVotesMilli(cast.length, correlation),
    value: null,
    interval: null,
  };
}

/** The groups with the best score, then the most votes, then the preference. */
function leadersOf({ scores, ties }, groups) {
  const there = new Map(groups.map((group) => [group.label, group]));
  const runners = [...scores.keys()].map(
    (label) => there.get(label) ?? { label, members: [], representative: null },
  );
  const compare = (a, b) => {
    for (const rank of [
      (group) => scores.get(group.label),
      (group) => BigInt(group.members.length),
      (group) => ties.get(group.label) ?? 0n,
    ]) {
      if (rank(a) !== rank(b)) return rank(a) > rank(b) ? 1 : -1;
    }
    return 0;
  };
  const best = runners.reduce((most, group) => (compare(group, most) > 0 ? group : most));
  return runners.filter((group) => compare(group, best) === 0);
}

function winnerOf(leaders, groups, policy, strong) {
  if (policy === "best_effort") {
    let given = leaders.filter((group) => group.members.length);
    if (!given.length && leaders.length === 1 && leaders[0].label === NOTHING) {
      const most = Math.max(...groups.map((group) => group.members.length));
      given = groups.filter((group) => group.members.length === most);
    }
    if (given.length) return given.reduce((a, b) => (b.members[0] < a.members[0] ? b : a));
  }
  const isRefused = policy === "fail_hard" && strong;
  if (leaders.length !== 1 || leaders[0].label === NOTHING || isRefused) return null;
  return leaders[0];
}

function outcomeOf(winner, groups, equivalence) {
  if (winner) return equivalence === "verdict" ? winner.label : "OK";
  return groups.length ? "NO_CONSENSUS" : "FAILED";
}
