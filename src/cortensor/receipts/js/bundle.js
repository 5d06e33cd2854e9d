// SPDX-License-Identifier: Apache-2.0
// The file a verifier gets: a receipt with everything needed to check it offline.

import { body } from "./body.js";
import { canonicalBytes, loadJson } from "./canonical.js";
import { address, hex32, name, positive, signature, taskId, uint, uint16, wei } from "./fields.js";
import { utf8, toHex } from "./bytes.js";
import { keccak256 } from "./keccak.js";
import { readCard } from "./pricing/card.js";
import { Refused } from "./refused.js";
import { any, dict, list, oneOf, str, struct, textOr } from "./schema.js";
import { readStruct, receiptDigest } from "./typed.js";

export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

export const SECOND_FORMAT = "cortensor-bundle/2";
const KEY_SIGNATURE_CHARS = 132;

/** A text that is beside the bundle: the hash of its UTF-8. */
const detached = struct({ keccak256: hex32 });

const record = struct({
  index: uint,
  session_id: name,
  task_id: taskId,
  status: oneOf("OK", "TIMEOUT", "ERROR"),
  verdict: name.orNull(),
  output: textOr(detached).orNull(),
  input_units: uint,
  output_units: uint,
  model: name,
});

const anchor = struct({
  index: positive,
  cumulative: wei,
  leaf: hex32,
  proof: list(hex32, { max: 64 }),
  root: hex32,
  anchorer: address,
  count: positive,
  uri: str({ max: 128 }),
  tx_hash: hex32.orNull(),
});

const revocation = struct({ successor: hex32.orNull(), revoked_at: uint, signature });

const bundle = struct({
  format: oneOf("cortensor-bundle/1", SECOND_FORMAT),
  receipt: body,
  receipt_id: hex32,
  charge: dict(str(), str()),
  signature: str({ pattern: "^0x([0-9a-f]{2}){1,8192}$", max: 16_386 }),
  evidence: list(struct({ salt: hex32, replica: record }), { max: 5 }),
  request: struct({ salt: hex32, canonical: textOr(detached) }).orNull(),
  card: dict(str(), any),
  surcharge_bps: uint16,
  anchor: anchor.orNull(),
  revocation: revocation.orNull().optional(),
  signed_by: oneOf("key", "contract").optional(),
});

/** Whether a text is beside the bundle, and only its hash is here. */
export const isDetached = (text) => text !== null && typeof text === "object";

/** Hold a bundle to what its format has. */
function checkFormat(read) {
  const isSecond = read.format === SECOND_FORMAT;
  for (const field of ["revocation", "signed_by"]) {
    if ((read[field] !== undefined) === isSecond) continue;
    throw new Refused(`${isSecond ? "is missing in" : "is a field of"} ${SECOND_FORMAT}`, field);
  }
  if (read.signed_by !== "contract" && read.signature.length !== KEY_SIGNATURE_CHARS) {
    throw new Refused("a key's has 65 bytes", "signature");
  }
  if (isSecond) return;
  const reason = `a text beside the bundle needs ${SECOND_FORMAT}`;
  read.evidence.forEach(({ replica }, i) => {
    if (isDetached(replica.output)) throw new Refused(reason, `evidence[${i}].replica.output`);
  });
  if (read.request !== null && isDetached(read.request.canonical)) {
    throw new Refused(reason, "request.canonical");
  }
}

/** What a bundle leaves out: `request`, `replica:2`, or `replica:2.output` where it is beside it. */
export function withheldOf({ request, evidence, receipt }) {
  const parts = [];
  if (request === null) parts.push("request");
  else if (isDetached(request.canonical)) parts.push("request.canonical");
  const shown = new Map(evidence.map(({ replica }) => [replica.index, replica.output]));
  for (const { index } of receipt.replicas) {
    if (!shown.has(index)) parts.push(`replica:${index}`);
    else if (isDetached(shown.get(index))) parts.push(`replica:${index}.output`);
  }
  return parts;
}

/** Replica index -> its output, of those that are here. */
export const outputsOf = ({ evidence }) =>
  new Map(
    evidence
      .filter(({ replica }) => !isDetached(replica.output))
      .map(({ replica }) => [replica.index, replica.output]),
  );

/**
 * Read a bundle from data that `json.js` gave.
 *
 * @returns the bundle: `struct` is the signed struct, `card` the rate card, both with BigInts, and
 *   `digest()` what was signed
 * @throws {Refused} naming the first field that is missing, unknown or malformed
 */
export function readBundle(data) {
  const read = bundle.convert(data, "$");
  checkFormat(read);
  read.struct = readStruct(read.charge);
  read.card = readCard(read.card);
  // Nothing is converted on the way, so the data's canonical bytes are those of what was read.
  const [shown, records] = [data.get("receipt"), data.get("evidence")];
  read.bodyId = () => toHex(keccak256(canonicalBytes(shown)));
  read.evidence.forEach((item, i) => {
    item.bytes = () => canonicalBytes(records[i].get("replica"));
  });
  read.digest = () => receiptDigest(read.struct, read.receipt.chain);
  return read;
}

/**
 * Read a bundle from a file's content, text or bytes.
 *
 * @throws {Refused} as `readBundle`, and for what is no canonical JSON
 */
export function loadBundle(content) {
  if (content.length > MAX_BUNDLE_BYTES) {
    throw new Refused(`exceeds ${MAX_BUNDLE_BYTES} bytes`, "$");
  }
  return readBundle(loadJson(content));
}

/** 0x-hex of the hash of an output's UTF-8, or null without an output. */
export const outputHash = (output) => (output === null ? null : toHex(keccak256(utf8(output))));
