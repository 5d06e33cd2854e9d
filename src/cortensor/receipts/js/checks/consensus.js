// SPDX-License-Identifier: Apache-2.0
// The check of the consensus: everything stated of it follows from the replica entries, an entry holds
// what its rule weighs by and nothing else, and an adaptive run stopped for a reason that holds.

import { BODY_FORMAT, LIKENESS_FORMAT } from "../body.js";
import { isSettledByCount } from "../consensus/adaptive.js";
import { PARTIES } from "../consensus/arbitration.js";
import { EMBEDDING } from "../consensus/likeness.js";
import { clusterOf, recompute } from "../consensus/recompute.js";
import { unpackTerms } from "../pricing/job_words.js";
import { Refused } from "../refused.js";
import { shown } from "../words.js";
import { differ, judge } from "./check.js";

const VERDICTS = ["VALID", "INVALID"]; // all that a validation asks for

export function checkConsensus(bundle) {
  const body = bundle.receipt;
  const block = body.consensus;
  if (body.format === BODY_FORMAT && (block.strategy !== "majority" || block.n_history !== 0)) {
    return judge([`format 1 holds majority without history, not ${block.strategy}`], "");
  }
  const { decision, differences } = recompute(body);
  const problems = [...differences];
  if (body.format !== BODY_FORMAT) problems.push(...compareRule(bundle, decision));
  return judge(
    problems,
    `${decision.outcome}: ${decision.winner.length} of ${decision.replicas} agree, ` +
      `agreement ${decision.agreementBps} bps, confidence ${decision.confidenceBps} bps`,
  );
}

function compareRule(bundle, decision) {
  const body = bundle.receipt;
  const { weighing, calibration, adaptive, ...block } = body.consensus;
  const problems = [
    ...differ("consensus.strategy", block.strategy, weighing.strategy, "the rule says"),
    ...differ(
      "consensus.confidence_method",
      block.confidence_method,
      calibration.method,
      "the rule says",
    ),
    ...differ("consensus.n_history", block.n_history, calibration.n_history, "the rule says"),
  ];
  if (decision.calibration.method !== calibration.method) {
    problems.push(
      `consensus.calibration.method says ${calibration.method}, ` +
        `the replicas give ${decision.calibration.method}`,
    );
  }
  if (decision.groups.length < 2 && weighing.correlation_bps) {
    problems.push("consensus.weighing.correlation_bps is of two votes and more");
  }
  problems.push(...compareBlock(body));
  for (const replica of body.replicas) problems.push(...compareEntry(bundle, decision, replica));
  if ((adaptive !== null) !== (body.policy.tier === "adaptive")) {
    problems.push("consensus.adaptive is there exactly where the tier is adaptive");
  } else if (adaptive !== null) {
    problems.push(...compareStop(body, adaptive, decision));
  }
  return problems;
}

function compareBlock(body) {
  const block = body.consensus;
  const { weighing } = block;
  const problems = [];
  if (weighing.fallback !== null && weighing.strategy !== "majority") {
    problems.push("consensus.weighing.fallback is set, and no majority was applied");
  }
  if (weighing.priors.size > 0 !== (weighing.strategy === "ensemble_model")) {
    problems.push(
      "consensus.weighing.priors are those of ensemble_model, and of no other strategy",
    );
  }
  if (block.least_confidence_bps !== null && body.endpoint !== "validate") {
    problems.push("consensus.least_confidence_bps is for arbitration, a validation");
  }
  const hasScores = [block.scale, block.value, block.interval].some((each) => each !== null);
  if (block.equivalence !== "score" && hasScores) {
    problems.push("consensus.scale, value and interval are those of scores");
  }
  problems.push(...compareLikeness(body));
  return [...problems, ...differ("consensus.labels", block.labels, labelsOf(body), "the rule has")];
}

function compareLikeness({ format, consensus: block }) {
  const problems = [];
  const likeness = block.likeness ?? null;
  if ((block.equivalence === EMBEDDING) !== (likeness !== null)) {
    problems.push("consensus.likeness is that of embedding, and of no other equivalence");
  }
  if (block.tolerance_millionths && block.equivalence !== "json") {
    problems.push("consensus.tolerance_millionths is for json");
  }
  if (format === LIKENESS_FORMAT && !block.tolerance_millionths && likeness === null) {
    problems.push(`${LIKENESS_FORMAT} is for a tolerance or similarities`);
  }
  return problems;
}

/** The closed list of labels: of disputes, and of verdicts that are not just counted. */
function labelsOf({ endpoint, consensus: block }) {
  if (block.least_confidence_bps !== null) return PARTIES;
  const isCounted = block.weighing.strategy === "majority" && block.weighing.fallback === null;
  if (endpoint !== "validate" || (isCounted && block.non_vote_rule === "abstain")) return null;
  return VERDICTS;
}

function compareEntry(bundle, decision, replica) {
  const { weighing, equivalence } = bundle.receipt.consensus;
  const where = `replicas[${replica.index}]`;
  const by = weighing.strategy === "weighted" ? weighing.weight_by : null;
  const isScore = equivalence === "score";
  const problems = [];
  for (const [name, isFor] of [
    ["weight_micro", by === "reputation"],
    ["likelihoods", weighing.strategy === "ensemble_model"],
    ["preference", ["stake", "latency", "cost"].includes(by)],
    ["value", isScore],
  ]) {
    if (!isFor && replica[name] !== null) {
      problems.push(`${where}.${name} is nothing that ${weighing.strategy} uses`);
    }
  }
  if (isScore) {
    const expected = clusterOf(decision, replica.index);
    problems.push(...differ(`${where}.cluster`, replica.cluster, expected, "scores give"));
  }
  const preference = `${where}.preference`;
  if (by === "latency") {
    const stated = String(replica.latency_ms);
    problems.push(...differ(preference, replica.preference, stated, "latency_ms is"));
  }
  if (by === "cost") {
    const cost = String(costWei(bundle, replica));
    problems.push(...differ(preference, replica.preference, cost, "card and units give"));
  }
  return problems;
}

/** What a replica's tokens cost by the card; nothing if it did not deliver. */
function costWei({ card, receipt }, replica) {
  if (replica.status !== "OK") return 0n;
  const { model_class: modelClass } = unpackTerms(receipt.bill.terms);
  if (modelClass >= card.input_unit_wei.length) {
    throw new Refused("is not one the card has", "terms.model_class");
  }
  return (
    BigInt(replica.input_units) * card.input_unit_wei[modelClass] +
    BigInt(replica.output_units) * card.output_unit_wei[modelClass]
  );
}

function compareStop(body, { plan, reason, stop_bps: stopBps }, decision) {
  const most = plan[plan.length - 1];
  const ascends = plan.every((total, i) => i === 0 || total > plan[i - 1]);
  if (!ascends || most !== body.consensus.replicas_requested) {
    return ["consensus.adaptive.plan does not ascend to the replicas asked for"];
  }
  // What no receipt can show, as with every replica that did not run.
  if (["unavailable", "deadline"].includes(reason)) return [];
  const ran = body.replicas.length;
  const isOpen = ["NO_CONSENSUS", "FAILED"].includes(decision.outcome);
  const isConfident = !isOpen && decision.confidenceBps >= stopBps;
  const holds = {
    confident: () => isConfident,
    exhausted: () => ran === most && !isConfident,
    settled: () =>
      !isConfident && isSettledByCount(decision, most - ran, body.consensus.tolerance_millionths),
  }[reason];
  return holds() ? [] : [`consensus.adaptive.reason says ${shown(reason)}, the replicas do not`];
}
