// SPDX-License-Identifier: Apache-2.0
// The check of similarities: order and gates follow from the answers. That the cosines are the model's
// needs the model, which is not here; the Python verifier can have it.

import { gateBetween, isSameText } from "../consensus/likeness.js";
import { orderOf } from "../consensus/grouping.js";
import { differ, judge, notChecked } from "./check.js";
import { answersOf } from "./grouping.js";

export function checkLikeness(bundle) {
  const stated = bundle.receipt.consensus.likeness;
  const answers = answersOf(bundle);
  if (answers === null) return notChecked("not proven: not every answer is shown");
  const texts = new Map(answers);
  const problems = [
    ...differ("consensus.likeness.order", stated.order, orderOf([...texts]), "the answers give"),
    ...stated.pairs.flatMap((pair, number) => comparePair(pair, number, texts)),
  ];
  if (problems.length) return judge(problems, "");
  return notChecked(`not proven: similarities, ${stated.model} is not here`);
}

function comparePair(pair, number, texts) {
  const where = `consensus.likeness.pairs[${number}]`;
  if (pair.replicas.some((index) => !texts.has(index))) {
    return [`${where} compares a replica without an answer`];
  }
  const [left, right] = pair.replicas.map((index) => texts.get(index));
  const gate = gateBetween(left, right);
  const problems = differ(`${where}.gate`, pair.gate, gate, "the answers give");
  if (isSameText(left, right)) {
    const stated = pair.similarity_bps;
    problems.push(...differ(`${where}.similarity_bps`, stated, 10_000, "equal answers have"));
  }
  return problems;
}
