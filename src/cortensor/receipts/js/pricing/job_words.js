// SPDX-License-Identifier: Apache-2.0
// The terms and the usage of a job, each packed into one 256-bit word; layouts are the contract's.

import { Refused } from "../refused.js";

/** Field -> [offset, width], in bits. */
const TERMS = {
  sla_tier: [0, 8],
  model_class: [8, 8],
  execution_depth: [16, 8],
  tool_depth: [24, 8],
  validator_depth: [32, 8],
  replicas: [40, 8],
  consensus_method: [48, 8],
  disagreement_policy: [56, 8],
  agreement_threshold_bps: [64, 16],
  volume_tier: [80, 8],
  surcharge_cap_bps: [88, 16],
  route_hint: [104, 32],
};

const USAGE = {
  input_units: [0, 48],
  output_units: [48, 48],
  validator_units: [96, 48],
  failed_replicas: [144, 8],
  late_replicas: [152, 8],
  missing_replicas: [160, 8],
};

export const SLA_TIERS = ["best_effort", "low", "medium", "high"];
export const MODEL_CLASSES = ["light", "standard", "heavy", "frontier"];
export const CONSENSUS_METHODS = [
  "majority",
  "weighted",
  "median",
  "median_of_means",
  "trimmed_mean",
  "ensemble_model",
];
export const DISAGREEMENT_POLICIES = ["return_all", "fail_hard", "best_effort"];

function unpack(layout, packed, module) {
  const word = BigInt(packed);
  const values = {};
  let known = 0n;
  for (const [name, [offset, width]] of Object.entries(layout)) {
    const mask = (1n << BigInt(width)) - 1n;
    values[name] = (word >> BigInt(offset)) & mask;
    known |= mask << BigInt(offset);
  }
  // Such bits are reserved: a word with them would have two readings later.
  if (word & ~known) throw new Refused(`job: stray ${module} bits`, module);
  return values;
}

/** The terms in a word, as BigInts. */
export const unpackTerms = (word) => unpack(TERMS, word, "terms");

/** The usage in a word, as BigInts. */
export const unpackUsage = (word) => unpack(USAGE, word, "usage");

/** The usage of a job as it is priced: units of what was delivered, and the faults. */
export function usageOf(replicas, requested) {
  const delivered = replicas.filter((each) => each.status === "OK");
  const sum = (name) => delivered.reduce((total, each) => total + BigInt(each[name]), 0n);
  return {
    input_units: sum("input_units"),
    output_units: sum("output_units"),
    validator_units: 0n,
    failed_replicas: BigInt(replicas.length - delivered.length),
    late_replicas: BigInt(delivered.filter((each) => each.late).length),
    missing_replicas: BigInt(requested - replicas.length),
  };
}
