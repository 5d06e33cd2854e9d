// SPDX-License-Identifier: Apache-2.0
// The EIP-712 structs that are signed for a receipt, in the domain of SessionPayment.

import { WORD_BYTES, concat, fromHex, utf8, word } from "./bytes.js";
import { keccak256 } from "./keccak.js";
import { Refused } from "./refused.js";

const RECEIPT_TYPE =
  "Receipt(bytes32 receipt_id,uint256 session,uint16 version,uint32 surcharge_epoch," +
  "uint256 terms,uint256 usage,uint96 charge,bytes32 request_commitment,bytes32 subject," +
  "uint8 outcome,uint16 confidence_bps,uint64 issued_at)";
const REPLICA_TYPE =
  "Replica(uint256 session,bytes32 request_commitment,string compute_session,bytes16 task_id," +
  "bytes32 output_hash,string model,uint64 input_units,uint64 output_units)";
const REVOCATION_TYPE = "Revocation(bytes32 receipt_id,bytes32 successor,uint64 revoked_at)";
const DOMAIN_TYPE =
  "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const DOMAIN_NAME = "Cortensor SessionPayment";
const DOMAIN_VERSION = "1";

/** Outcome names by their code in the signed struct. */
export const OUTCOMES = [
  "NO_CONSENSUS",
  "OK",
  "VALID",
  "INVALID",
  "RETRY",
  "NEEDS_SPEC",
  "FAILED",
  "TRUE",
  "FALSE",
  "SELLER_VALID",
  "SELLER_INVALID",
  "INCONCLUSIVE",
];

/** Field -> bits of its unsigned integer, 0 for 32 bytes; in the struct's order. */
const FIELDS = {
  receipt_id: 0,
  session: 256,
  version: 16,
  surcharge_epoch: 32,
  terms: 256,
  usage: 256,
  charge: 96,
  request_commitment: 0,
  subject: 0,
  outcome: 8,
  confidence_bps: 16,
  issued_at: 64,
};

const MOST_DIGITS = 78; // of 2^256

const hashText = (text) => keccak256(utf8(text));

/** The code of an outcome name. */
export function outcomeCode(name) {
  const code = OUTCOMES.indexOf(name);
  if (code < 0) throw new Refused(`must be one of ${OUTCOMES.join(", ")}`, "result.outcome");
  return code;
}

function readUint(text, bits, field) {
  const isDecimal = /^(0|[1-9][0-9]*)$/.test(text) && text.length <= MOST_DIGITS;
  if (!isDecimal) throw new Refused("must be a decimal integer", field);
  const value = BigInt(text);
  if (value >> BigInt(bits)) throw new Refused(`must fit uint${bits}`, field);
  return value;
}

/** The signed struct out of a bundle's `charge`, a Map of text: BigInts, and words as hex. */
export function readStruct(charge) {
  for (const name of charge.keys()) {
    if (!Object.hasOwn(FIELDS, name)) {
      throw new Refused("is not a field of the signed struct", `charge.${name}`);
    }
  }
  const struct = {};
  for (const [name, bits] of Object.entries(FIELDS)) {
    const [text, field] = [charge.get(name), `charge.${name}`];
    if (typeof text !== "string") throw new Refused("must be a string", field);
    if (bits === 0) fromHex(text, WORD_BYTES, field);
    struct[name] = bits === 0 ? text : readUint(text, bits, field);
  }
  return struct;
}

/** The struct that a body, whose id is `receiptId`, must be signed with. */
export function structOf(body, receiptId) {
  return {
    receipt_id: receiptId,
    session: BigInt(body.session_id),
    version: BigInt(body.bill.version),
    surcharge_epoch: BigInt(body.bill.surcharge_epoch),
    terms: BigInt(body.bill.terms),
    usage: BigInt(body.bill.usage),
    charge: BigInt(body.bill.charge),
    request_commitment: body.request_commitment,
    subject: body.subject,
    outcome: BigInt(outcomeCode(body.result.outcome)),
    confidence_bps: BigInt(body.consensus.confidence_bps),
    issued_at: BigInt(body.issued_at),
  };
}

/** What is signed for a struct, in the domain of a receipt's `chain`. */
function digestOf(type, members, { chain_id: chainId, session_payment: contract }) {
  const separator = keccak256(
    concat(
      hashText(DOMAIN_TYPE),
      hashText(DOMAIN_NAME),
      hashText(DOMAIN_VERSION),
      word(chainId),
      word(contract),
    ),
  );
  const hash = keccak256(concat(hashText(type), ...members));
  return keccak256(concat(new Uint8Array([0x19, 0x01]), separator, hash));
}

/** The 32 bytes a router signs and the anchored leaf binds. */
export function receiptDigest(struct, chain) {
  const members = Object.entries(FIELDS).map(([name, bits]) =>
    bits === 0 ? fromHex(struct[name], WORD_BYTES, `charge.${name}`) : word(struct[name]),
  );
  return digestOf(RECEIPT_TYPE, members, chain);
}

/** What a replica's miner signs: what it was asked, and what it delivered. */
export function replicaDigest(body, replica) {
  const members = [
    word(body.session_id),
    word(body.request_commitment),
    hashText(replica.session_id),
    concat(fromHex(replica.task_id, 16, "task_id"), new Uint8Array(16)),
    word(replica.output_hash),
    hashText(replica.model),
    word(replica.input_units),
    word(replica.output_units),
  ];
  return digestOf(REPLICA_TYPE, members, body.chain);
}

/** What a signer signs to revoke a receipt; without a successor there is a zero word. */
export const revocationDigest = (receiptId, { successor, revoked_at: at }, chain) =>
  digestOf(REVOCATION_TYPE, [word(receiptId), word(successor ?? 0), word(at)], chain);
