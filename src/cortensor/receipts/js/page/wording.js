// SPDX-License-Identifier: Apache-2.0
// What the page says in words.

export const OUTCOMES = {
  OK: "The replicas agreed on an answer",
  VALID: "The claim was found valid",
  INVALID: "The claim was found invalid",
  RETRY: "The work should be done again",
  NEEDS_SPEC: "The task is not specified well enough",
  NO_CONSENSUS: "The replicas did not agree",
  FAILED: "No replica gave a usable answer",
  TRUE: "The statement was found true",
  FALSE: "The statement was found false",
  SELLER_VALID: "The dispute was decided for the seller",
  SELLER_INVALID: "The dispute was decided against the seller",
  INCONCLUSIVE: "The dispute was not decided",
};

/** Of an outcome for which fewer replicas stand than was asked for. */
export const WEAK = "Given although fewer replicas stand behind it than was asked for";

const GOOD = ["OK", "VALID", "TRUE", "SELLER_VALID"];
const BAD = ["INVALID", "FALSE", "FAILED", "SELLER_INVALID"];

/** good, bad or open: how an outcome is coloured, beside its words. */
export const toneOf = (outcome) =>
  GOOD.includes(outcome) ? "good" : BAD.includes(outcome) ? "bad" : "open";

export const VERDICTS = {
  verified: [
    "good",
    "Verified",
    "Nothing is wrong with it, and it is tied to what you trust. Whether it was revoked or settled " +
      "since takes a node of the chain.",
  ],
  consistent: [
    "open",
    "Consistent",
    "Nothing is wrong with it. That its maker is the one you know is still for you to check.",
    "Still open:",
  ],
  failed: ["bad", "Failed", "Do not rely on it: it does not hold together.", "What is wrong:"],
  unreachable: ["open", "Not decided", "The chain did not answer.", "Unanswered:"],
  malformed: ["bad", "Not a receipt", "It breaks the format, so it says nothing.", "Where:"],
  summary: [
    "open",
    "Signed summary",
    "What everyone may see holds together. Request, answers and bill are private.",
  ],
};

export const CHECKS = {
  id: "The id is the hash of the receipt",
  struct: "What was signed is what it says",
  signature: "It is signed by the signer named",
  session: "The session belongs to this router",
  replicas: "The replica entries fit together",
  evidence: "The answers are those committed to",
  consensus: "The vote, recounted",
  grouping: "Which answers are the same",
  likeness: "How alike the answers are",
  miners: "Signatures of the miners",
  payment: "A payment beside the session",
  succession: "The receipt it replaces",
  result: "The result is the winners'",
  request: "The request is the one carried out",
  terms: "The terms priced are those agreed",
  usage: "The units are those of the replicas",
  bill: "The charge, recomputed",
  leaf: "Its place in the session",
  proof: "Its place in the batch",
  contract: "The contract is one you trust",
  card: "The rate card is the published one",
  signer: "The signer is the router's",
  anchored: "The batch is on chain",
  finality: "The chain cannot take it back",
  revocation: "It was not revoked",
  chain: "The chain is the one named",
  surcharge: "The surcharge is the posted one",
  pinned: "The session allows the charge",
  settled: "The charge is settled",
};

export const STATUSES = {
  proven: ["good", "Proven", "✓"],
  failed: ["bad", "Failed", "✕"],
  not_checked: ["open", "Not checked", "–"],
};

export const METHODS = {
  laplace: "rule of succession, without history",
  posterior: "from the replicas' records",
  temperature: "calibrated on known answers",
  margin_table: "from how often such votes were right",
  residuals: "from past errors of such scores",
};

export const POLICIES = {
  return_all: "all answers are returned",
  fail_hard: "the call fails",
  best_effort: "the largest group's answer is given",
};

export const ANCHOR_STATES = ["Signed", "In a batch", "Sent", "Anchored"];
