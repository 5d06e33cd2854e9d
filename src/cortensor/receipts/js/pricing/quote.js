// SPDX-License-Identifier: Apache-2.0
// The price of a job: the same integers as the contract's `quote`. Charges round up and rebates down,
// each once a line.

import { Refused } from "../refused.js";
import { BPS } from "./card.js";
import { DISAGREEMENT_POLICIES, MODEL_CLASSES, SLA_TIERS } from "./job_words.js";

export const LINE_NAMES = [
  "base",
  "sla",
  "depth",
  "redundancy",
  "consensus",
  "validation",
  "surcharge",
  "rebates",
];
const MAX_AMOUNT = 2n ** 96n - 1n;

const ceil = (amount, rate, by) => (amount * rate + by - 1n) / by;
const floor = (amount, rate, by) => (amount * rate) / by;

function checkTerms(terms) {
  const under = (value, most) => value < BigInt(most);
  for (const [isKnown, field, reason] of [
    [under(terms.sla_tier, SLA_TIERS.length), "sla_tier", "unknown sla tier"],
    [under(terms.model_class, MODEL_CLASSES.length), "model_class", "unknown model class"],
    [[1n, 3n, 5n].includes(terms.replicas), "replicas", "replicas not 1, 3 or 5"],
    [under(terms.consensus_method, 8), "consensus_method", "unknown consensus method"],
    [
      under(terms.disagreement_policy, DISAGREEMENT_POLICIES.length),
      "disagreement_policy",
      "unknown policy",
    ],
    [terms.agreement_threshold_bps <= BPS, "agreement_threshold_bps", "threshold over 100%"],
    [under(terms.volume_tier, 4), "volume_tier", "unknown volume tier"],
  ]) {
    if (!isKnown) throw new Refused(`job: ${reason}`, `terms.${field}`);
  }
}

/**
 * Price a job. All amounts are BigInts of wei.
 *
 * @returns {{total: bigint, lines: Object<string, bigint>}} `rebates` is positive and subtracted
 * @throws {Refused} where the contract would revert
 */
export function quote(card, surchargeBps, terms, usage) {
  checkTerms(terms);
  const faults = usage.failed_replicas + usage.late_replicas + usage.missing_replicas;
  if (faults > terms.replicas) {
    throw new Refused("job: faults over replicas", "usage.failed_replicas");
  }
  const lines = linesOf(card, BigInt(surchargeBps), terms, usage);
  const charged = LINE_NAMES.slice(0, -1).reduce((sum, name) => sum + lines[name], 0n);
  const total = charged - lines.rebates;
  if (total > MAX_AMOUNT) throw new Refused("table: total exceeds uint96", "total");
  return { total, lines };
}

function linesOf(card, surchargeBps, terms, usage) {
  const base =
    terms.replicas * card.task_wei +
    usage.input_units * card.input_unit_wei[terms.model_class] +
    usage.output_units * card.output_unit_wei[terms.model_class];
  const sla = ceil(base, card.sla_bps[terms.sla_tier], BPS);
  const depthBps =
    terms.execution_depth * card.execution_depth_bps + terms.tool_depth * card.tool_depth_bps;
  const depth = ceil(base, depthBps, BPS);
  const work = base + sla + depth;
  const redundancy = ceil(work, card.redundancy_bps[(terms.replicas - 1n) / 2n], BPS);
  const methodBps =
    card.consensus_bps[terms.consensus_method] + card.disagreement_bps[terms.disagreement_policy];
  // Two rates at different scales in one line: over 1e8, so that the line rounds once.
  const rate = methodBps * BPS + card.threshold_bps * terms.agreement_threshold_bps;
  const consensus = ceil(work, rate, BPS * BPS);
  const validation =
    usage.validator_units * card.validator_unit_wei +
    ceil(work, terms.validator_depth * card.validator_depth_bps, BPS);
  const cap = terms.surcharge_cap_bps;
  const before = work + redundancy + consensus + validation;
  const surcharge = ceil(before, surchargeBps < cap ? surchargeBps : cap, BPS);
  const rebates = rebatesOf(card, before + surcharge, terms, usage);
  return { base, sla, depth, redundancy, consensus, validation, surcharge, rebates };
}

function rebatesOf(card, gross, terms, usage) {
  const faultBps =
    usage.failed_replicas * card.failed_rebate_bps +
    usage.late_replicas * card.late_rebate_bps +
    usage.missing_replicas * card.missing_rebate_bps;
  const forReplicas = floor(gross, faultBps, terms.replicas * BPS);
  return forReplicas + floor(gross - forReplicas, card.volume_rebate_bps[terms.volume_tier], BPS);
}
