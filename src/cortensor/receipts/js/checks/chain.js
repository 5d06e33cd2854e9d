// SPDX-License-Identifier: Apache-2.0
// Checks against what the verifier trusts: a chain, or values it was given by other means.

import { fromHex } from "../bytes.js";
import { readCard } from "../pricing/card.js";
import { unpackTerms } from "../pricing/job_words.js";
import { formatCor } from "../pricing/money.js";
import { recover } from "../secp256k1.js";
import { revocationDigest } from "../typed.js";
import { same } from "../words.js";
import { differ, judge, notChecked, proven } from "./check.js";

const WEI_PER_GWEI = 10n ** 9n;
const CLOCK_SLACK_SECONDS = 300; // how far a router's clock may be ahead of the chain's
const NOBODY = `0x${"0".repeat(64)}`; // the successor of a receipt that has none
const NO_CHAIN = "no chain was asked";
const NO_ANCHOR = "the receipt is in no batch yet";

const areSameCards = (left, right) =>
  Object.keys(left).every((name) => same(left[name], right[name]));

export function checkContract(bundle, { sessionPayment: trusted = null }) {
  const stated = bundle.receipt.chain.session_payment;
  if (trusted === null) return notChecked(`is SessionPayment ${stated} the one you trust?`);
  return judge(
    differ("chain.session_payment", stated, trusted.toLowerCase(), "you trust"),
    `SessionPayment ${stated} is the one you trust`,
  );
}

/** A card a caller gave: a Map, or plain JSON data. */
const cardOf = (given) => readCard(given instanceof Map ? given : new Map(Object.entries(given)));

export async function checkCard(bundle, { chain = null, card = null }) {
  if (card !== null && !areSameCards(bundle.card, cardOf(card))) {
    return judge(["the bundle's card is not the one you gave"], "");
  }
  const { version } = bundle.receipt.bill;
  if (chain !== null) {
    const isSame = areSameCards(bundle.card, cardOf(await chain.card(version)));
    return judge(
      isSame ? [] : [`not version ${version} on chain`],
      `is version ${version} on chain`,
    );
  }
  if (card !== null) return proven("is the card you gave");
  return notChecked(`${NO_CHAIN}: the bill holds if the bundle's card is the real one`);
}

export async function checkSurcharge(bundle, { chain }) {
  const epoch = bundle.receipt.bill.surcharge_epoch;
  const stated = bundle.surcharge_bps;
  return judge(
    differ("surcharge_bps", stated, await chain.surchargeBps(epoch), "the chain has"),
    `${stated} bps in epoch ${epoch}`,
  );
}

export async function checkSigner(bundle, { chain = null, signer: trusted = null }) {
  const { router } = bundle.receipt;
  if (trusted !== null) {
    // The verifier's word goes first: a router that changed its key has another one today.
    if (trusted.toLowerCase() !== router.signer) {
      return judge([`signed by ${router.signer}, you trust ${trusted}`], "");
    }
    return proven("is the signer you trust");
  }
  if (chain === null) return notChecked(`${NO_CHAIN}: whether the signer is the router's is open`);
  const settler = (await chain.routerSigner(router.router_id)).toLowerCase();
  return judge(
    differ("router.signer", router.signer, settler, `router ${router.router_id} has`),
    `${router.signer} settles for router ${router.router_id}`,
  );
}

export async function checkAnchored(bundle, { chain = null, root: trusted = null }) {
  const { anchor } = bundle;
  const issuedAt = bundle.receipt.issued_at;
  if (issuedAt === 0) return judge(["issued_at is 0"], "");
  if (anchor === null) {
    const isOpen = chain === null && trusted === null;
    return isOpen ? notChecked(NO_ANCHOR) : judge([NO_ANCHOR], "");
  }
  if (trusted !== null && trusted.toLowerCase() !== anchor.root) {
    return judge([`the root is ${anchor.root}, you trust ${trusted}`], "");
  }
  if (chain === null) {
    return trusted === null ? notChecked(NO_CHAIN) : proven("the root is the one you trust");
  }
  const { anchoredAt, leafCount } = await chain.batch(anchor.anchorer, anchor.root);
  if (anchoredAt === 0) return judge([`${anchor.anchorer} never anchored ${anchor.root}`], "");
  const problems = differ("anchor.count", anchor.count, leafCount, "the chain has");
  if (!(await chain.isAnchored(anchor.anchorer, anchor.leaf, anchor.proof, anchor.root))) {
    problems.push("the contract refuses the proof");
  }
  if (issuedAt > anchoredAt + CLOCK_SLACK_SECONDS) {
    problems.push(`issued_at is ${issuedAt}, but the batch was anchored at ${anchoredAt}`);
  }
  return judge(problems, `at unix time ${anchoredAt}`, anchoredAt);
}

async function checkChain(bundle, { chain }) {
  const stated = bundle.receipt.chain.chain_id;
  return judge(
    differ("chain.chain_id", stated, await chain.chainId(), "the chain asked is"),
    `chain ${stated}`,
  );
}

/** The batch is in a block that the chain's own rules call final. */
export async function checkFinality({ anchor }, { chain = null }) {
  if (chain === null) return notChecked(NO_CHAIN);
  if (anchor === null) return notChecked(NO_ANCHOR);
  const found = await chain.finality(anchor.anchorer, anchor.root);
  if (found === "hard") return judge([], "hard: in a finalized block", found);
  if (found === "none") return notChecked("the root is not anchored", found);
  return notChecked(`${found}: a re-org can still undo the anchor`, found);
}

/** The router has neither revoked nor superseded it: not on chain, not by a word in the bundle. */
export async function checkRevocation(bundle, { chain = null }) {
  const problems = bundle.revocation ? [readRevocation(bundle)] : [];
  if (chain === null) return problems.length ? judge(problems, "") : notChecked(NO_CHAIN);
  const { signer } = bundle.receipt.router;
  const { revokedAt, successor } = await chain.revocation(signer, bundle.receipt_id);
  if (revokedAt && successor !== NOBODY) {
    problems.push(`superseded at unix time ${revokedAt}, by ${successor}`);
  } else if (revokedAt) {
    problems.push(`revoked at unix time ${revokedAt}`);
  }
  return judge(problems, "not revoked");
}

/** What a revocation in the bundle says, or whose it is if it is not the signer's. */
function readRevocation({ receipt, receipt_id: receiptId, revocation }) {
  const digest = revocationDigest(receiptId, revocation, receipt.chain);
  const signer = recover(digest, fromHex(revocation.signature, 65, "signature"));
  if (signer !== receipt.router.signer) {
    return `revocation.signature is by ${signer}, not by the signer`;
  }
  const successor = revocation.successor ?? "none";
  return `the signer revoked it at unix time ${revocation.revoked_at}, successor ${successor}`;
}

async function checkPinned(bundle, { chain }) {
  const body = bundle.receipt;
  const session = await chain.session(body.session_id);
  if (session.state === 0) return judge([`there is no session ${body.session_id}`], "");
  const terms = unpackTerms(body.bill.terms);
  const problems = [
    ...differ("bill.version", body.bill.version, session.version, "the session pins"),
    ...differ("terms.volume_tier", terms.volume_tier, session.volumeTier, "the session pins"),
  ];
  if (terms.surcharge_cap_bps > session.surchargeCapBps) {
    problems.push(
      `terms.surcharge_cap_bps is ${terms.surcharge_cap_bps}, ` +
        `the session allows ${session.surchargeCapBps}`,
    );
  }
  const cap = BigInt(session.taskCapGwei) * WEI_PER_GWEI;
  const charge = BigInt(body.bill.charge);
  if (charge > cap) {
    problems.push(
      `charged ${formatCor(charge)} COR, the session's cap per task is ${formatCor(cap)} COR`,
    );
  }
  return judge(problems, "version, volume tier, surcharge cap and task cap hold");
}

async function checkSettled(bundle, { chain }) {
  if (bundle.anchor === null) return notChecked(NO_ANCHOR);
  const cumulative = BigInt(bundle.anchor.cumulative);
  const settled = BigInt((await chain.session(bundle.receipt.session_id)).settled);
  const problems =
    settled >= cumulative
      ? []
      : [`${formatCor(settled)} COR settled, this receipt needs ${formatCor(cumulative)} COR`];
  return judge(problems, `${formatCor(settled)} COR settled in the session`);
}

const needsChain = (check) => (bundle, trust) =>
  (trust.chain ?? null) === null ? notChecked(NO_CHAIN) : check(bundle, trust);

/** Checks that need a chain; the others here can also use values the verifier was given. */
export const CHAIN_CHECKS = [
  ["chain", needsChain(checkChain)],
  ["surcharge", needsChain(checkSurcharge)],
  ["pinned", needsChain(checkPinned)],
  ["settled", needsChain(checkSettled)],
];
