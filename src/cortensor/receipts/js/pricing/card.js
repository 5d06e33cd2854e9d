// SPDX-License-Identifier: Apache-2.0
// The rate card: every price parameter of one version. `_wei` is wei of COR, `_bps` 1/10000.

import { Refused } from "../refused.js";

export const BPS = 10_000n;

/** Field -> [bits, entries; 0 for one number], in the contract's order. */
const SHAPES = {
  task_wei: [96, 0],
  input_unit_wei: [64, 4],
  output_unit_wei: [64, 4],
  validator_unit_wei: [64, 0],
  sla_bps: [16, 4],
  execution_depth_bps: [16, 0],
  tool_depth_bps: [16, 0],
  validator_depth_bps: [16, 0],
  redundancy_bps: [16, 3],
  consensus_bps: [16, 8],
  threshold_bps: [16, 0],
  disagreement_bps: [16, 3],
  failed_rebate_bps: [16, 0],
  late_rebate_bps: [16, 0],
  missing_rebate_bps: [16, 0],
  volume_rebate_bps: [16, 4],
  node_share_bps: [16, 0],
  validator_share_bps: [16, 0],
};

function parse(value, field) {
  if (typeof value === "number" || typeof value === "bigint") {
    if (value < 0) throw new Refused("must not be negative", field);
    return BigInt(value);
  }
  if (typeof value === "string" && /^(0|[1-9][0-9]{0,77})$/.test(value)) return BigInt(value);
  throw new Refused("must be an integer or a decimal string of one", field);
}

function checkWidth(value, bits, field) {
  if (value >> BigInt(bits)) {
    throw new Refused(`must fit ${bits} bits (at most ${(1n << BigInt(bits)) - 1n})`, field);
  }
}

function checkRelations(card) {
  const refuse = (reason, field) => {
    throw new Refused(reason, `card.${field}`);
  };
  const [low, middle, high] = card.redundancy_bps;
  if (low > middle || middle > high) refuse("must not fall with more replicas", "redundancy_bps");
  if (card.missing_rebate_bps > BPS) refuse("must be at most 10000", "missing_rebate_bps");
  if (card.failed_rebate_bps > card.missing_rebate_bps) {
    refuse("must be at most missing_rebate_bps", "failed_rebate_bps");
  }
  if (card.late_rebate_bps > card.failed_rebate_bps) {
    refuse("must be at most failed_rebate_bps", "late_rebate_bps");
  }
  card.volume_rebate_bps.forEach((rebate, tier) => {
    if (rebate > BPS) refuse("must be at most 10000", `volume_rebate_bps[${tier}]`);
  });
  if (card.node_share_bps > BPS) refuse("must be at most 10000", "node_share_bps");
  if (card.node_share_bps + card.validator_share_bps > BPS) {
    refuse("must leave at most 10000 with node_share_bps", "validator_share_bps");
  }
}

/** The card in a Map whose integers are numbers or decimal text; checked as the contract does. */
export function readCard(data) {
  for (const name of data.keys()) {
    if (!Object.hasOwn(SHAPES, name)) {
      throw new Refused("is not a field of a rate card", `card.${name}`);
    }
  }
  const card = {};
  for (const [name, [, length]] of Object.entries(SHAPES)) {
    const [value, field] = [data.get(name), `card.${name}`];
    if (value === undefined) throw new Refused("is missing", field);
    if (length === 0) {
      card[name] = parse(value, field);
    } else {
      if (!Array.isArray(value)) throw new Refused(`must be a list of ${length}`, field);
      card[name] = value.map((item, i) => parse(item, `${field}[${i}]`));
    }
  }
  for (const [name, [bits, length]] of Object.entries(SHAPES)) {
    const [value, field] = [card[name], `card.${name}`];
    if (length === 0) {
      checkWidth(value, bits, field);
    } else {
      if (value.length !== length) throw new Refused(`must have exactly ${length} entries`, field);
      value.forEach((item, i) => checkWidth(item, bits, `${field}[${i}]`));
    }
  }
  checkRelations(card);
  return card;
}
