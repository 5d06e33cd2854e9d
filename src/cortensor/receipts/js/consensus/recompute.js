// SPDX-License-Identifier: Apache-2.0
// A receipt's consensus block, computed again from the receipt's own replica entries.

import { Refused } from "../refused.js";
import { quotedText, same, shown } from "../words.js";
import { ruling } from "./arbitration.js";
import { LAPLACE, checkCalibration } from "./confidence.js";
import { EMBEDDING, groupsOf } from "./likeness.js";
import { NUMERIC, decideScores } from "./numeric.js";
import { MAJORITY, decideGroups } from "./outcome.js";
import { MissingKey } from "./tally.js";

const MOST_WEIGHT_MICRO = 2_200_000;

const impossible = (error) => new Refused(`cannot be recomputed: ${error}`, "consensus");
const lacks = (name) => impossible(`KeyError(${quotedText(name)})`);

/**
 * Recompute the consensus of a body.
 *
 * @returns {{decision, differences: string[]}} every field where the receipt says otherwise
 * @throws {Refused} if an entry the computation needs is missing or malformed
 */
export function recompute(body) {
  try {
    const decision = body.consensus.equivalence === "score" ? byScores(body) : byLabels(body);
    return { decision, differences: differencesOf(body, decision) };
  } catch (error) {
    if (error instanceof MissingKey) throw lacks(error.key);
    throw error;
  }
}

/** The decision's answer group of a replica, or null. */
export function clusterOf(decision, index) {
  const found = decision.groups.find(([each]) => each === index);
  return found ? Number(found[1]) : null;
}

function rulesOf(stated) {
  return {
    equivalence: stated.equivalence,
    policy: stated.disagreement_policy,
    thresholdBps: stated.agreement_threshold_bps,
    nonVotes: stated.non_vote_rule ?? "abstain",
    labels: stated.labels ?? null,
  };
}

function calibrationOf(stated) {
  try {
    return checkCalibration(stated.calibration);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw impossible(`ValidationError(${quotedText(error.message)})`);
  }
}

function byLabels(body) {
  const stated = body.consensus;
  let alike = null;
  if (stated.equivalence === EMBEDDING) {
    if (stated.likeness === undefined) throw lacks("likeness");
    if (stated.likeness === null) {
      throw impossible(`ValidationError(${quotedText("Expected `object`, got `null`")})`);
    }
    alike = new Map(groupsOf(stated.likeness).flatMap((g) => g.members.map((i) => [i, g.label])));
  }
  const voted = body.replicas.map((entry) => [
    entry.index,
    alike ? (alike.get(entry.index) ?? null) : labelOf(entry, stated.equivalence),
  ]);
  const weighs = stated.weighing !== undefined;
  const weighing = weighs ? weighingOf(body) : MAJORITY;
  const calibration = weighs ? calibrationOf(stated) : LAPLACE;
  const decision = decideGroups(voted, rulesOf(stated), weighing, calibration);
  decision.likeness = alike && stated.likeness;
  const least = stated.least_confidence_bps ?? null;
  return least === null ? decision : ruling(decision, least);
}

function labelOf(entry, equivalence) {
  if (entry.status !== "OK") return null;
  const label = equivalence === "verdict" ? entry.verdict : entry.cluster;
  return label === null ? null : String(label);
}

function weighingOf(body) {
  const byIndex = (name, read) =>
    new Map(
      body.replicas
        .filter((entry) => entry[name] !== null)
        .map((entry) => [entry.index, read(entry[name])]),
    );
  const weights = byIndex("weight_micro", BigInt);
  if (
    [...weights.values()].some(
      (weight) => weight > MOST_WEIGHT_MICRO || weight < -MOST_WEIGHT_MICRO,
    )
  ) {
    throw new Refused(`must be within ${MOST_WEIGHT_MICRO}`, "consensus.weights");
  }
  return {
    ...body.consensus.weighing,
    weights,
    likelihoods: byIndex("likelihoods", (table) => table),
    preference: byIndex("preference", BigInt),
  };
}

function byScores(body) {
  const stated = body.consensus;
  if (stated.calibration === undefined) throw lacks("calibration");
  const calibration = calibrationOf(stated);
  if (stated.scale === null) {
    throw impossible(`TypeError(${quotedText("'NoneType' object is not subscriptable")})`);
  }
  const votes = body.replicas.map((entry) => ({
    index: entry.index,
    value: entry.status !== "OK" || entry.value === null ? null : BigInt(entry.value),
  }));
  if (!NUMERIC.includes(stated.weighing.strategy)) {
    throw new Refused("is not one for scores", "consensus.strategy");
  }
  const { strategy, correlation_bps: correlation } = stated.weighing;
  return decideScores(votes, strategy, rulesOf(stated), stated.scale, calibration, correlation);
}

function differencesOf(body, decision) {
  const stated = body.consensus;
  const expected = {
    replicas: decision.replicas,
    votes: decision.votes,
    non_votes: decision.absent,
    agreement_bps: decision.agreementBps,
    confidence_bps: decision.confidenceBps,
    winner: decision.winner,
    dissent: decision.dissent,
  };
  if (stated.weighing !== undefined) {
    expected.n_eff_milli = decision.nEffMilli;
    expected.margin_micro = decision.marginMicro;
  }
  if (decision.equivalence === "score") {
    expected.value = decision.value === null ? null : String(decision.value);
    expected.interval = decision.interval && decision.interval.map(String);
  }
  const found = Object.entries(expected)
    .filter(([name, value]) => !same(stated[name], value))
    .map(
      ([name, value]) =>
        `consensus.${name}: says ${shown(stated[name])}, the replicas give ${shown(value)}`,
    );
  if (decision.likeness) found.push(...likenessDifferences(body, decision));
  if (body.result.outcome !== decision.outcome) {
    found.push(
      `result.outcome: says ${body.result.outcome}, the replicas give ${decision.outcome}`,
    );
  }
  return found;
}

function likenessDifferences(body, decision) {
  // One that gave no answer could join two that are not alike.
  const answered = body.replicas
    .filter((entry) => entry.status === "OK" && entry.output_hash !== null)
    .map((entry) => entry.index);
  const { order } = decision.likeness;
  const found = [];
  if (
    !same(
      [...order].sort((a, b) => a - b),
      answered,
    )
  ) {
    found.push(
      `consensus.likeness.order: says ${shown(order)}, the replicas ${shown(answered)} answered`,
    );
  }
  for (const { index, cluster } of body.replicas) {
    const expected = clusterOf(decision, index);
    if (cluster !== expected) {
      found.push(
        `replicas[${index}].cluster: says ${shown(cluster)}, the similarities give ${shown(expected)}`,
      );
    }
  }
  return found;
}
