// SPDX-License-Identifier: Apache-2.0
// Checks of format 4: miners' own signatures, a payment beside the session, a receipt replaced.

import { fromHex } from "../bytes.js";
import { PARTIES_FORMAT } from "../body.js";
import { Refused } from "../refused.js";
import { recover } from "../secp256k1.js";
import { replicaDigest } from "../typed.js";
import { FAILED, differ, judge, notChecked } from "./check.js";

/** The names of those checks that a body needs. */
export function partiesOf({ format, payment, supersedes }) {
  if (format !== PARTIES_FORMAT) return [];
  const names = ["miners"];
  if (payment !== null) names.push("payment");
  if (supersedes !== null) names.push("succession");
  return names;
}

/** Every signature of a miner is by the miner named, over the entry; miners are counted. */
export function checkMiners({ receipt: body }) {
  const delivered = body.replicas.filter((replica) => replica.status === "OK");
  const miners = new Set(delivered.map((replica) => replica.miner));
  miners.delete(null);
  const stated = body.consensus.operators;
  const problems = differ("consensus.operators", stated, miners.size, "the entries give");
  const signed = body.replicas.filter((replica) => replica.miner_signature !== null);
  for (const replica of signed) problems.push(...compareSignature(body, replica));
  if (problems.length) return judge(problems, "");
  if (!signed.length) return notChecked("no miner signed its answer");
  const open = delivered.filter((replica) => !signed.includes(replica)).map((each) => each.index);
  const left = open.length ? `; not of replica ${open.join(", ")}` : "";
  return judge(
    [],
    `${signed.length} of ${delivered.length} answers are signed by their miners${left}`,
  );
}

function compareSignature(body, replica) {
  const where = `replicas[${replica.index}].miner_signature`;
  if (replica.status !== "OK" || replica.output_hash === null) {
    return [`${where} is there, and no answer`];
  }
  try {
    const miner = recover(
      replicaDigest(body, replica),
      fromHex(replica.miner_signature, 65, "signature"),
    );
    return differ(`replicas[${replica.index}].miner`, replica.miner, miner, `${where} is by`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return [`${where} ${error.reason}`];
  }
}

/** Nothing of a payment on another network is looked up; it says which one it was. */
export const checkPayment = ({ receipt: { payment } }) =>
  notChecked(`whether ${payment.transaction} on ${payment.network} paid is not looked up`);

/** The receipt replaced is revoked by the same signer, with this one as its successor. */
export async function checkSuccession(bundle, { chain = null }) {
  const { supersedes: older, router } = bundle.receipt;
  if (chain === null) return notChecked(`no chain was asked whether ${older} was revoked for this`);
  const { revokedAt, successor } = await chain.revocation(router.signer, older);
  if (!revokedAt) return { status: FAILED, detail: `${older} is not revoked`, value: null };
  const problems = differ("successor", successor, bundle.receipt_id, "this receipt is");
  return judge(problems, `${older} was revoked for this receipt`);
}
