// SPDX-License-Identifier: Apache-2.0
// A chain for the tests: answers from the `chain` of a vector; a fact that is missing is refused, as a
// node would.

import { fromHex, toHex } from "../../src/cortensor/receipts/js/bytes.js";
import { processProof } from "../../src/cortensor/receipts/js/merkle.js";
import { Refused, Unanswered } from "../../src/cortensor/receipts/js/refused.js";

const ZERO = `0x${"0".repeat(64)}`;

export class ChainFacts {
  /** @param {Map} facts as `json.js` reads them */
  constructor(facts) {
    this.facts = facts;
  }

  get(name) {
    if (!this.facts.has(name)) throw new Unanswered(`the node has no answer for ${name}`);
    return this.facts.get(name);
  }

  known(name, number) {
    const found = this.get(name);
    if (!found.has(String(number))) throw new Refused(`${name}: unknown ${number}`);
    return found.get(String(number));
  }

  async chainId() {
    return this.get("chain_id");
  }

  async card(version) {
    return this.known("cards", version);
  }

  async surchargeBps(epoch) {
    return this.known("surcharges", epoch);
  }

  async routerSigner(routerId) {
    return this.known("routers", routerId);
  }

  async batch(anchorer, root) {
    const [anchoredAt, leafCount] = this.get("batches").get(`${anchorer}:${root}`) ?? [0, 0];
    return { anchoredAt, leafCount };
  }

  async finality(anchorer, root) {
    return this.get("batches").get(`${anchorer}:${root}`)?.[2] ?? "none";
  }

  async isSigned(signer, digest, signature) {
    const taken = this.get("contract_signatures").get(`${signer}:${digest}`) ?? [];
    return taken.includes(signature);
  }

  async isAnchored(anchorer, leaf, proof, root) {
    const led = processProof(
      fromHex(leaf, 32, "leaf"),
      proof.map((node) => fromHex(node, 32, "proof")),
    );
    return toHex(led) === root && (await this.batch(anchorer, root)).anchoredAt > 0;
  }

  async revocation(anchorer, receiptId) {
    const [revokedAt, successor] = this.get("revocations").get(`${anchorer}:${receiptId}`) ?? [
      0,
      ZERO,
    ];
    return { revokedAt, successor };
  }

  async session(sessionId) {
    const found = this.get("sessions").get(sessionId);
    if (found === undefined) return { state: 0, settled: "0" };
    return {
      state: found.get("state"),
      settled: found.get("settled"),
      version: found.get("version"),
      volumeTier: found.get("volume_tier"),
      surchargeCapBps: found.get("surcharge_cap_bps"),
      taskCapGwei: found.get("task_cap_gwei"),
    };
  }
}
