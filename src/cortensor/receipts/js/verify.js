// SPDX-License-Identifier: Apache-2.0
// The verifier: from a bundle, and a chain if there is one, to a list of named checks. It fails closed:
// a check that cannot be made because the receipt is inconsistent, or because the chain does not
// answer, has failed. Format and checks: docs/spec/receipts.md. It says what the Python verifier says.

import { loadBundle, readBundle, withheldOf } from "./bundle.js";
import {
  CHAIN_CHECKS,
  checkAnchored,
  checkCard,
  checkContract,
  checkFinality,
  checkRevocation,
  checkSigner,
} from "./checks/chain.js";
import { FAILED, NOT_CHECKED, PROVEN } from "./checks/check.js";
import { checkConsensus } from "./checks/consensus.js";
import { checkGrouping } from "./checks/grouping.js";
import { checkLikeness } from "./checks/likeness.js";
import {
  checkBill,
  checkId,
  checkLeaf,
  checkProof,
  checkSession,
  checkSignature,
  checkStruct,
  checkTerms,
  checkUsage,
} from "./checks/money.js";
import { checkMiners, checkPayment, checkSuccession, partiesOf } from "./checks/parties.js";
import { checkRequest } from "./checks/request.js";
import { checkEvidence, checkReplicas, checkResult } from "./checks/work.js";
import { Refused, Unanswered } from "./refused.js";

export { FAILED, NOT_CHECKED, PROVEN, Refused, Unanswered, loadBundle, readBundle };

export const VERIFIED = "verified";
export const UNREACHABLE = "unreachable";
export const CONSISTENT = "consistent";

/** The checks that tie a receipt to the world: anyone can make one that passes all the others. */
export const TRUST = ["signature", "contract", "signer", "card", "anchored"];

/** What no receipt can show. */
export const NOT_PROVEN = [
  "that the units billed were truly consumed, or that the named models and miners ran",
  "that the payer made the request: sessions without a session key do not sign requests",
  "that a replica's verdict follows from its answer, or that the answer is true",
  "that the surcharge epoch was the one at the time of reservation",
];

const CHECKS = [
  ["id", checkId],
  ["struct", checkStruct],
  ["signature", checkSignature],
  ["session", checkSession],
  ["replicas", checkReplicas],
  ["evidence", checkEvidence],
  ["consensus", checkConsensus],
  ["grouping", checkGrouping],
  ["likeness", checkLikeness],
  ["miners", checkMiners],
  ["payment", checkPayment],
  ["succession", checkSuccession],
  ["result", checkResult],
  ["request", checkRequest],
  ["terms", checkTerms],
  ["usage", checkUsage],
  ["bill", checkBill],
  ["leaf", checkLeaf],
  ["proof", checkProof],
  ["contract", checkContract],
  ["card", checkCard],
  ["signer", checkSigner],
  ["anchored", checkAnchored],
  ["finality", checkFinality],
  ["revocation", checkRevocation],
  ...CHAIN_CHECKS,
];

/** The checks that are made only of receipts that have what they are about. */
const SPECIAL = ["likeness", "miners", "payment", "succession"];

/**
 * Verify a receipt from the content of its bundle file.
 *
 * @param {string|Uint8Array} content the file, text or bytes
 * @param trust what the verifier knows by other means, all of it optional: `sessionPayment` (the
 *   contract's address), `signer` (the router's), `card` (a rate card's JSON data), `root` (of an
 *   anchored batch) and `chain`, an object of promises; see docs/spec/receipts.md
 * @returns {Promise<{verdict, ok, receiptId, checks: {name, status, detail, value}[],
 *   trustOpen: string[], withheld: string[], notProven: string[]}>}
 * @throws {Refused} the file is no bundle: `field` says where, `reason` why
 */
export async function verify(content, trust = {}) {
  return verifyBundle(loadBundle(content), trust);
}

/** Verify a bundle that was read with `loadBundle` or `readBundle`. */
export async function verifyBundle(bundle, trust = {}) {
  const checks = [];
  const special = partiesOf(bundle.receipt);
  if (bundle.receipt.consensus.likeness) special.push("likeness");
  for (const [name, check] of CHECKS) {
    if (SPECIAL.includes(name) && !special.includes(name)) continue;
    checks.push({ name, ...(await made(check, bundle, trust)) });
  }
  const proven = checks.filter((check) => check.status === PROVEN).map((check) => check.name);
  const trustOpen = TRUST.filter((name) => !proven.includes(name));
  const verdict = verdictOf(checks, trustOpen);
  return {
    verdict,
    ok: verdict === VERIFIED,
    receiptId: bundle.receipt_id,
    checks,
    trustOpen,
    withheld: withheldOf(bundle),
    notProven: NOT_PROVEN,
  };
}

function verdictOf(checks, trustOpen) {
  const failed = checks.filter((check) => check.status === FAILED);
  if (failed.length) return failed.every((check) => check.isUnanswered) ? UNREACHABLE : FAILED;
  return trustOpen.length ? CONSISTENT : VERIFIED;
}

/** Make a check; what stops it from being made fails it. */
async function made(check, bundle, trust) {
  try {
    return await check(bundle, trust);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const isUnanswered = error instanceof Unanswered;
    return { status: FAILED, detail: error.message, value: null, isUnanswered };
  }
}
