// SPDX-License-Identifier: Apache-2.0
// The receipt body, field by field. Unknown fields are refused: a reader who ignores a field may miss
// what it says.

import {
  address,
  bps,
  hex32,
  index,
  intText,
  name,
  network,
  packedWord,
  positive,
  range,
  safeInt,
  sessionId,
  signature,
  taskId,
  text,
  uint,
  uint16,
  uint32,
  wei,
} from "./fields.js";
import { likenessOf } from "./consensus/likeness.js";
import { Refused } from "./refused.js";
import { bool, dict, int, list, oneOf, str, struct } from "./schema.js";

export const BODY_FORMAT = "cortensor-receipt/1";
export const RULE_FORMAT = "cortensor-receipt/2";
export const LIKENESS_FORMAT = "cortensor-receipt/3";
export const PARTIES_FORMAT = "cortensor-receipt/4";
const FORMATS = [BODY_FORMAT, RULE_FORMAT, LIKENESS_FORMAT, PARTIES_FORMAT];

const chain = struct({
  chain_id: positive,
  session_payment: address,
  table: address,
  receipt_anchor: address,
});

const router = struct({ router_id: uint32, signer: address });

const replica = struct({
  index,
  session_id: name,
  task_id: taskId,
  status: oneOf("OK", "TIMEOUT", "ERROR"),
  late: bool,
  verdict: name.orNull(),
  cluster: index.orNull(),
  output_hash: hex32.orNull(),
  model: name,
  model_digest: name.orNull(),
  miner: name.orNull(),
  seed: safeInt.orNull(),
  temperature_bps: uint32.orNull(),
  input_units: uint,
  output_units: uint,
  latency_ms: uint,
  evidence_leaf: hex32,
  weight_micro: safeInt.orNull().optional(),
  likelihoods: dict(name, safeInt).orNull().optional(),
  preference: wei.orNull().optional(),
  value: intText.orNull().optional(),
  miner_signature: signature.orNull().optional(),
});

const attempt = struct({
  index,
  session_id: name,
  task_id: taskId,
  miner: name.orNull(),
  cause: oneOf("first", "slow", "failed"),
  status: oneOf("OK", "ERROR", "TIMEOUT", "MISSING", "CANCELLED"),
  reason: name.orNull(),
  latency_ms: uint,
});

const result = struct({
  outcome: name,
  verdict: name.orNull(),
  output_hash: hex32.orNull(),
  output_summary: str({ max: 280 }).orNull(),
});

const weighing = struct({
  strategy: name,
  weight_by: oneOf("reputation", "stake", "latency", "cost").orNull(),
  fallback: text.orNull(),
  priors: dict(name, safeInt),
  correlation_bps: bps.orNull(),
});

const calibration = struct({
  method: name,
  n_history: uint,
  version: text,
  ece_bps: uint.orNull(),
  brier_bps: uint.orNull(),
  temperature_bps: uint.orNull(),
  right: uint.orNull(),
  rounds: uint.orNull(),
});

const scale = struct({
  field: name.orNull(),
  decimals: index,
  tolerance: intText,
  bounds: range.orNull(),
  half_width: intText.orNull(),
});

const adaptive = struct({
  plan: list(index, { min: 1, max: 5 }),
  stop_bps: bps,
  reason: oneOf("confident", "settled", "exhausted", "unavailable", "deadline"),
});

const pair = struct({
  replicas: list(index, { min: 2, max: 2 }),
  similarity_bps: bps,
  gate: oneOf(
    "structure",
    "script",
    "numbers",
    "money",
    "symbols",
    "negation",
    "enums",
    "names",
    "order",
  ).orNull(),
});

const likeness = struct(
  {
    model: name,
    digest: name,
    dispersion_bps: bps,
    order: list(index, { max: 5 }),
    pairs: list(pair, { max: 10 }),
  },
  { check: likenessOf },
);

const consensus = struct({
  strategy: name,
  equivalence: oneOf("exact", "json", "overlap", "embedding", "verdict", "score"),
  replicas_requested: index,
  replicas: index,
  votes: dict(name, index),
  agreement_bps: bps,
  agreement_threshold_bps: bps,
  confidence_bps: bps,
  confidence_method: oneOf("laplace", "posterior", "temperature", "margin_table", "residuals"),
  n_history: uint,
  disagreement_policy: oneOf("return_all", "fail_hard", "best_effort"),
  non_votes: index,
  dissent: list(index),
  winner: list(index),
  weighing: weighing.optional(),
  labels: list(name).orNull().optional(),
  non_vote_rule: oneOf("abstain", "ignore", "against").optional(),
  n_eff_milli: uint.orNull().optional(),
  margin_micro: safeInt.orNull().optional(),
  calibration: calibration.optional(),
  scale: scale.orNull().optional(),
  value: intText.orNull().optional(),
  interval: range.orNull().optional(),
  least_confidence_bps: bps.orNull().optional(),
  adaptive: adaptive.orNull().optional(),
  tolerance_millionths: int(0, 1_000_000).optional(),
  likeness: likeness.orNull().optional(),
  operators: index.optional(),
});

const payment = struct({
  scheme: oneOf("x402"),
  network,
  transaction: hex32,
  payer: address,
});

/** Fields that not every format has -> the place in FORMATS of the first one that has them. */
const SINCE = {
  consensus: {
    weighing: 1,
    labels: 1,
    non_vote_rule: 1,
    n_eff_milli: 1,
    margin_micro: 1,
    calibration: 1,
    scale: 1,
    value: 1,
    interval: 1,
    least_confidence_bps: 1,
    adaptive: 1,
    tolerance_millionths: 2,
    likeness: 2,
    operators: 3,
  },
  replicas: { weight_micro: 1, likelihoods: 1, preference: 1, value: 1, miner_signature: 3 },
  body: { payment: 3, supersedes: 3 },
};

/** Hold each format to its fields: each has one spelling for one content. */
function checkFormat(body) {
  const level = FORMATS.indexOf(body.format);
  const blocks = [["consensus.", body.consensus, SINCE.consensus]];
  body.replicas.forEach((each, i) => blocks.push([`replicas[${i}].`, each, SINCE.replicas]));
  blocks.push(["", body, SINCE.body]);
  for (const [where, block, since] of blocks) {
    for (const [field, needed] of Object.entries(since)) {
      if ((block[field] !== undefined) === level >= needed) continue;
      const reason = level < needed ? "is a field of" : "is missing in";
      throw new Refused(`${where}${field} ${reason} ${FORMATS[Math.max(level, needed)]}`, "format");
    }
  }
  const parts = [
    ...body.replicas.map((each) => each.miner_signature),
    body.payment,
    body.supersedes,
  ];
  if (body.format === PARTIES_FORMAT && parts.every((part) => part === null)) {
    throw new Refused(
      `${PARTIES_FORMAT} is for a miner's signature, a payment or a receipt replaced`,
      "format",
    );
  }
}

export const body = struct(
  {
    format: oneOf(...FORMATS),
    endpoint: oneOf("delegate", "validate"),
    api_version: oneOf("v4"),
    issued_at: uint,
    chain,
    router,
    session_id: sessionId,
    task_id: taskId,
    request_commitment: hex32,
    subject: hex32,
    replicas: list(replica, { min: 1, max: 5 }),
    evidence_root: hex32,
    result,
    consensus,
    policy: struct({ tier: name.orNull() }),
    tool_traces: list(hex32),
    bill: struct({
      version: uint16,
      surcharge_epoch: uint32,
      terms: packedWord,
      usage: packedWord,
      lines: struct({
        base: wei,
        sla: wei,
        depth: wei,
        redundancy: wei,
        consensus: wei,
        validation: wei,
        surcharge: wei,
        rebates: wei,
      }),
      charge: wei,
    }),
    attempts: list(attempt, { min: 1, max: 30 }).optional(),
    payment: payment.orNull().optional(),
    supersedes: hex32.orNull().optional(),
  },
  { check: checkFormat },
);
