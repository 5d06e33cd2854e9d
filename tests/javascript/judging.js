// SPDX-License-Identifier: Apache-2.0
// What the verifier says of a case, a vector's JSON text: the same shape from JavaScript and Python.

import { readBundle, verifyBundle } from "../../src/cortensor/receipts/js/verify.js";
import { Float, integer, readJson } from "../../src/cortensor/receipts/js/json.js";
import { Refused } from "../../src/cortensor/receipts/js/refused.js";
import { ChainFacts } from "./chain_facts.js";

/** Read a vector; numbers that a bundle may not hold stay what they are. */
export const readCase = (text) =>
  readJson(text, { int: integer, float: (number) => new Float(Number(number)) });

/** Verify the bundle of a case. */
export async function judge(data) {
  try {
    const bundle = readBundle(data.get("bundle"));
    const facts = data.get("chain") ?? null;
    const chain = facts === null ? null : new ChainFacts(facts);
    const sessionPayment = data.get("session_payment") ?? null;
    const { verdict, checks, withheld } = await verifyBundle(bundle, { chain, sessionPayment });
    const found = checks.map(({ name, status, detail, value }) => [name, status, detail, value]);
    return { verdict, withheld, checks: found };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { verdict: "malformed", field: error.field, reason: error.reason };
  }
}
