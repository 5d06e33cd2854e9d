// SPDX-License-Identifier: Apache-2.0
// The file a verifier gets: a receipt with everything needed to check it offline.

import { body } from "./body.js";
import { canonicalBytes, loadJson } from "./canonical.js";
import { address, hex32, name, positive, taskId, uint, uint16, wei } from "./fields.js";
import { utf8, toHex } from "./bytes.js";
import { keccak256 } from "./keccak.js";
import { readCard } from "./pricing/card.js";
import { Refused } from "./refused.js";
import { any, dict, list, oneOf, str, struct } from "./schema.js";
import { digestOf, readStruct } from "./typed.js";

export const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

const record = struct({
  index: uint,
  session_id: name,
  task_id: taskId,
  status: oneOf("OK", "TIMEOUT", "ERROR"),
  verdict: name.orNull(),
  output: str().orNull(),
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

const bundle = struct({
  format: oneOf("cortensor-bundle/1"),
  receipt: body,
  receipt_id: hex32,
  charge: dict(str(), str()),
  signature: str({ pattern: "^0x[0-9a-f]{130}$", max: 132 }),
  evidence: list(struct({ salt: hex32, replica: record }), { max: 5 }),
  request: struct({ salt: hex32, canonical: str() }).orNull(),
  card: dict(str(), any),
  surcharge_bps: uint16,
  anchor: anchor.orNull(),
});

/**
 * Read a bundle from data that `json.js` gave.
 *
 * @returns the bundle: `struct` is the signed struct, `card` the rate card, both with BigInts, and
 *   `digest()` what was signed
 * @throws {Refused} naming the first field that is missing, unknown or malformed
 */
export function readBundle(data) {
  const read = bundle.convert(data, "$");
  read.struct = readStruct(read.charge);
  read.card = readCard(read.card);
  // Nothing is converted on the way, so the data's canonical bytes are those of what was read.
  const [shown, records] = [data.get("receipt"), data.get("evidence")];
  read.bodyId = () => toHex(keccak256(canonicalBytes(shown)));
  read.evidence.forEach((item, i) => {
    item.bytes = () => canonicalBytes(records[i].get("replica"));
  });
  const { chain_id: chainId, session_payment: contract } = read.receipt.chain;
  read.digest = () => digestOf(read.struct, chainId, contract);
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
