// SPDX-License-Identifier: Apache-2.0
// Checks of what was signed and charged, from the bundle alone.

import { WORD_BYTES, fromHex, toHex } from "../bytes.js";
import { processProof, receiptLeaf } from "../merkle.js";
import {
  CONSENSUS_METHODS,
  DISAGREEMENT_POLICIES,
  SLA_TIERS,
  unpackTerms,
  unpackUsage,
  usageOf,
} from "../pricing/job_words.js";
import { formatCor } from "../pricing/money.js";
import { LINE_NAMES, quote } from "../pricing/quote.js";
import { recover } from "../secp256k1.js";
import { structOf } from "../typed.js";
import { Refused } from "../refused.js";
import { differ, judge, notChecked } from "./check.js";
import { isFree, slaOf } from "./tiers.js";

const NO_BATCH = "the receipt is in no batch yet";
const UNUSED_TERMS = ["execution_depth", "tool_depth", "validator_depth", "route_hint"];

export const checkId = (bundle) =>
  judge(
    differ("receipt_id", bundle.receipt_id, bundle.bodyId(), "the body hashes to"),
    `keccak256 of the canonical body is ${bundle.receipt_id}`,
  );

export function checkStruct(bundle) {
  const expected = structOf(bundle.receipt, bundle.bodyId());
  const problems = Object.entries(expected).flatMap(([name, value]) =>
    differ(`charge.${name}`, bundle.struct[name], value, "the body gives"),
  );
  return judge(problems, "the signed struct restates the body");
}

export async function checkSignature(bundle, { chain = null }) {
  if (bundle.signed_by === "contract") return checkContractSignature(bundle, chain);
  const signer = recover(bundle.digest(), fromHex(bundle.signature, 65, "signature"));
  return judge(
    differ("router.signer", bundle.receipt.router.signer, signer, "the signature is by"),
    `signed by ${signer}`,
  );
}

async function checkContractSignature(bundle, chain) {
  const stated = bundle.receipt.router.signer;
  if (chain === null) return notChecked(`no chain was asked whether contract ${stated} signed`);
  const isSigned = await chain.isSigned(stated, toHex(bundle.digest()), bundle.signature);
  return judge(
    isSigned ? [] : [`${stated} does not say that it signed this`],
    `contract ${stated} says that it signed`,
  );
}

export function checkSession({ receipt }) {
  const routerId = BigInt(receipt.session_id) >> 128n;
  return judge(
    differ("router.router_id", receipt.router.router_id, routerId, "the session id gives"),
    `the session was opened with router ${routerId}`,
  );
}

const nameOf = (names, code) => names[code] ?? `#${code}`;

export function checkTerms({ receipt: body }) {
  const terms = unpackTerms(body.bill.terms);
  const block = body.consensus;
  const says = "consensus says";
  const problems = [
    ...differ("terms.replicas", terms.replicas, block.replicas_requested, says),
    ...differ(
      "terms.consensus_method",
      nameOf(CONSENSUS_METHODS, terms.consensus_method),
      block.strategy,
      says,
    ),
    ...differ(
      "terms.disagreement_policy",
      nameOf(DISAGREEMENT_POLICIES, terms.disagreement_policy),
      block.disagreement_policy,
      says,
    ),
    ...differ(
      "terms.agreement_threshold_bps",
      terms.agreement_threshold_bps,
      block.agreement_threshold_bps,
      says,
    ),
    ...differ(
      "terms.sla_tier",
      nameOf(SLA_TIERS, terms.sla_tier),
      slaOf(body.policy.tier),
      "policy says",
    ),
    ...UNUSED_TERMS.flatMap((name) =>
      differ(`terms.${name}`, terms[name], 0, `${body.api_version} has`),
    ),
  ];
  return judge(problems, `${terms.replicas} replica(s), ${block.strategy}`);
}

export function checkUsage({ receipt: body }) {
  const stated = unpackUsage(body.bill.usage);
  const requested = body.consensus.replicas_requested;
  if (body.replicas.length > requested) {
    return judge([`${body.replicas.length} replicas ran, ${requested} were asked`], "");
  }
  const problems = Object.entries(usageOf(body.replicas, requested)).flatMap(([name, value]) =>
    differ(`usage.${name}`, stated[name], value, "the replicas give"),
  );
  return judge(
    problems,
    `${stated.input_units} in, ${stated.output_units} out, ${stated.failed_replicas} failed, ` +
      `${stated.late_replicas} late, ${stated.missing_replicas} missing`,
  );
}

export function checkBill(bundle) {
  const block = bundle.receipt.bill;
  if (typeof bundle.receipt.supersedes === "string") {
    const why = "the receipt it replaces has the charge";
    return checkNoCharge(block, "a receipt that replaces another", why);
  }
  if (isFree(bundle.receipt.policy.tier)) {
    return checkNoCharge(block, "a heartbeat", "heartbeats are free");
  }
  const bill = quote(
    bundle.card,
    bundle.surcharge_bps,
    unpackTerms(block.terms),
    unpackUsage(block.usage),
  );
  const charged = BigInt(block.charge);
  const problems = [];
  if (charged !== bill.total) {
    problems.push(`charged ${formatCor(charged)} COR, the card gives ${formatCor(bill.total)} COR`);
  }
  for (const name of LINE_NAMES) {
    const [stated, expected] = [BigInt(block.lines[name]), bill.lines[name]];
    if (stated !== expected) {
      problems.push(
        `line ${name} says ${formatCor(stated)}, the card gives ${formatCor(expected)}`,
      );
    }
  }
  return judge(problems, `${formatCor(charged)} COR is what the card gives`);
}

/** The bill of a receipt that charges nothing. */
function checkNoCharge({ charge, lines }, whose, why) {
  const problems = differ("bill.charge", charge, "0", `${whose} has`);
  for (const name of LINE_NAMES) {
    problems.push(...differ(`line ${name}`, lines[name], "0", "such a receipt has"));
  }
  return judge(problems, `nothing: ${why}`);
}

function checkFits(value, bits, field) {
  if (value >> BigInt(bits)) throw new Refused(`must fit uint${bits}`, field);
}

export function checkLeaf(bundle) {
  const { anchor, struct } = bundle;
  if (anchor === null) return notChecked(NO_BATCH);
  const cumulative = BigInt(anchor.cumulative);
  checkFits(cumulative, 96, "cumulative");
  const leaf = receiptLeaf(bundle.digest(), anchor.index, cumulative);
  const problems = differ("anchor.leaf", anchor.leaf, toHex(leaf), "the signed struct gives");
  if (cumulative < struct.charge || (anchor.index === 1 && cumulative !== struct.charge)) {
    problems.push(
      `anchor.cumulative ${cumulative} does not fit a charge of ${struct.charge} ` +
        `at index ${anchor.index}`,
    );
  }
  if (anchor.anchorer !== bundle.receipt.router.signer) {
    problems.push("anchor.anchorer is not the signer");
  }
  return judge(problems, `index ${anchor.index} of its session, total so far fits`);
}

export function checkProof({ anchor }) {
  if (anchor === null) return notChecked(NO_BATCH);
  const root = processProof(
    fromHex(anchor.leaf, WORD_BYTES, "anchor.leaf"),
    anchor.proof.map((node) => fromHex(node, WORD_BYTES, "anchor.proof")),
  );
  const problems = differ("anchor.root", anchor.root, toHex(root), "the proof leads to");
  const bitLength = (value) => (value ? value.toString(2).length : 0);
  const deepest = bitLength(anchor.count - 1);
  if (![bitLength(anchor.count) - 1, deepest].includes(anchor.proof.length)) {
    problems.push(
      `anchor.proof has ${anchor.proof.length} steps, a batch of ${anchor.count} has ${deepest}`,
    );
  }
  return judge(problems, `under the root of a batch of ${anchor.count}`);
}
