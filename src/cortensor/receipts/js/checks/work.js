// SPDX-License-Identifier: Apache-2.0
// Checks of what was done: evidence, replicas and result, from the bundle alone.

import { WORD_BYTES, fromHex, toHex } from "../bytes.js";
import { BODY_FORMAT } from "../body.js";
import { isDetached, outputHash, outputsOf } from "../bundle.js";
import { evidenceLeaf, merkleRoot } from "../merkle.js";
import { differ, judge, notChecked } from "./check.js";

const UNIQUE = ["session_id", "task_id"];
const RESTATED = [
  "session_id",
  "task_id",
  "status",
  "verdict",
  "input_units",
  "output_units",
  "model",
];

export function checkEvidence(bundle) {
  const { receipt } = bundle;
  const replicas = new Map(receipt.replicas.map((replica) => [replica.index, replica]));
  const leaves = receipt.replicas.map((each) => fromHex(each.evidence_leaf, WORD_BYTES, "leaf"));
  const root = toHex(merkleRoot(leaves));
  const problems = differ("evidence_root", receipt.evidence_root, root, "the leaves give");
  const seen = new Set();
  for (const item of bundle.evidence) {
    const { index } = item.replica;
    if (seen.has(index)) problems.push(`replica ${index} is shown twice`);
    else if (!replicas.has(index)) problems.push(`replica ${index} is not in the receipt`);
    else problems.push(...compareReplica(item, replicas.get(index)));
    seen.add(index);
  }
  const hidden = replicas.size - outputsOf(bundle).size;
  if (!problems.length && hidden) {
    return notChecked(`${hidden} of ${replicas.size} replicas are not shown`);
  }
  return judge(problems, `${seen.size} replicas, salted leaves and root recomputed`);
}

function compareReplica(item, replica) {
  const record = item.replica;
  const where = `replicas[${record.index}]`;
  const problems = [];
  let shownHash;
  if (isDetached(record.output)) {
    shownHash = record.output.keccak256;
  } else {
    const leaf = toHex(evidenceLeaf(fromHex(item.salt, WORD_BYTES, "salt"), item.bytes()));
    problems.push(...differ(`${where}.evidence_leaf`, replica.evidence_leaf, leaf, "shown is"));
    shownHash = outputHash(record.output);
  }
  return [
    ...problems,
    ...RESTATED.flatMap((name) =>
      differ(`${where}.${name}`, replica[name], record[name], "shown is"),
    ),
    ...differ(`${where}.output_hash`, replica.output_hash, shownHash, "shown is"),
  ];
}

export function checkReplicas({ receipt: body }) {
  const problems = [];
  const { replicas, endpoint } = body;
  if (replicas.some((each, i) => i > 0 && each.index <= replicas[i - 1].index)) {
    problems.push("replicas are not in ascending order of a unique index");
  }
  const areUnique = (runs, name) => new Set(runs.map((run) => run[name])).size === runs.length;
  // One run told twice would be a majority of its own.
  for (const name of UNIQUE) {
    if (!areUnique(replicas, name)) problems.push(`two replicas have one ${name}`);
  }
  const attempts = body.attempts ?? [];
  for (const name of UNIQUE) {
    if (attempts.length && !areUnique([...replicas, ...attempts], name)) {
      problems.push(`an attempt has the ${name} of another run`);
    }
  }
  for (const each of attempts) {
    if (each.index >= body.consensus.replicas_requested) {
      problems.push(`attempt ${each.session_id} is of no replica that was asked for`);
    }
  }
  const byVerdict = body.consensus.equivalence === "verdict";
  if (byVerdict !== (endpoint === "validate")) {
    problems.push(`${endpoint} cannot be decided by ${body.consensus.equivalence}`);
  }
  for (const replica of replicas) problems.push(...compareEntry(replica, byVerdict));
  return judge(problems, `${replicas.length} entries are consistent`);
}

function compareEntry(replica, byVerdict) {
  const problems = [];
  const where = `replicas[${replica.index}]`;
  const isDelivered = replica.status === "OK";
  if (!isDelivered && (replica.late || replica.verdict !== null)) {
    problems.push(`${where} has status ${replica.status} but a verdict or lateness`);
  }
  if (byVerdict && replica.cluster !== null) {
    problems.push(`${where}.cluster is set on a validation`);
  }
  if (!byVerdict && replica.verdict !== null) {
    problems.push(`${where}.verdict is set on a delegation`);
  }
  const hasAnswer = isDelivered && replica.output_hash !== null;
  if (!byVerdict && hasAnswer !== (replica.cluster !== null)) {
    problems.push(`${where}.cluster must be set exactly where an answer is`);
  }
  return problems;
}

export function checkResult({ receipt: body }) {
  const { result, consensus } = body;
  const { winner } = consensus;
  // From format 2 on an outcome can have no winner: votes read backwards, an open dispute.
  const isUnwon =
    body.format !== BODY_FORMAT && !["NO_CONSENSUS", "FAILED"].includes(result.outcome);
  const problems = [];
  if (consensus.equivalence === "verdict") {
    const verdict = winner.length || isUnwon ? result.outcome : null;
    problems.push(
      ...differ("result.verdict", result.verdict, verdict, "the vote gives"),
      ...differ("result.output_hash", result.output_hash, null, "a validation has"),
    );
  } else {
    problems.push(...differ("result.verdict", result.verdict, null, "a delegation has"));
    const hashes = body.replicas.filter((r) => winner.includes(r.index)).map((r) => r.output_hash);
    if (!(hashes.length ? hashes : [null]).includes(result.output_hash)) {
      problems.push("result.output_hash is not an answer of the winning group");
    }
  }
  if (result.output_hash === null && result.output_summary !== null) {
    problems.push("result.output_summary summarises no output");
  }
  return judge(problems, `${result.outcome} is the winning group's`);
}
