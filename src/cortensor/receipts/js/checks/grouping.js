// SPDX-License-Identifier: Apache-2.0
// The check of answer groups and scores: they follow from the full answers, where those are shown.

import { outputHash, outputsOf } from "../bundle.js";
import { RELATIONS, jsonRelation } from "../consensus/equivalence.js";
import { firstOf } from "../consensus/folding.js";
import { groupAnswers } from "../consensus/grouping.js";
import { EMBEDDING, groupsOf } from "../consensus/likeness.js";
import { readScore } from "../consensus/score.js";
import { same } from "../words.js";
import { differ, judge, notChecked } from "./check.js";

const SUMMARY_CHARS = 280;

/** [index, text] of every delivered answer; null unless all replicas are shown. */
export function answersOf(bundle) {
  const outputs = outputsOf(bundle);
  const { replicas } = bundle.receipt;
  if (replicas.some((replica) => !outputs.has(replica.index))) return null;
  return replicas
    .filter((replica) => replica.status === "OK" && outputs.get(replica.index) !== null)
    .map((replica) => [replica.index, outputs.get(replica.index)]);
}

export function checkGrouping(bundle) {
  const body = bundle.receipt;
  const { equivalence } = body.consensus;
  if (equivalence === "verdict") return notChecked("a verdict is its replica's own label");
  if (equivalence === EMBEDDING) return checkStated(body);
  const answers = answersOf(bundle);
  if (answers === null) return notChecked("not every answer is shown");
  if (equivalence === "score") return checkScores(body, outputsOf(bundle));
  const tolerance = body.consensus.tolerance_millionths;
  const isLoose = equivalence === "json" && tolerance !== undefined;
  const relation = isLoose ? jsonRelation(tolerance) : RELATIONS[equivalence];
  const groups = groupAnswers(answers, relation);
  const number = new Map(groups.flatMap((g) => g.members.map((i) => [i, Number(g.label)])));
  const problems = body.replicas.flatMap(({ index, cluster }) =>
    differ(`replicas[${index}].cluster`, cluster, number.get(index) ?? null, "the answers give"),
  );
  const stands = standsFor(groups, body.consensus.winner);
  problems.push(...compareOutput(body, stands === null ? null : outputsOf(bundle).get(stands)));
  return judge(problems, `${groups.length} group(s) of answers by ${relation.name}`);
}

/** The replica whose answer stands for the winning group, or null. */
const standsFor = (groups, winner) =>
  groups.find((group) => same(group.members, winner))?.representative ?? null;

/** What follows from the stated similarities; those are the check `likeness`'s. */
function checkStated(body) {
  const block = body.consensus.likeness ?? null;
  if (block === null) return judge(["an embedding has no similarities"], "");
  const groups = groupsOf(block);
  const stands = standsFor(groups, body.consensus.winner);
  const replica = body.replicas.findLast((each) => each.index === stands);
  const expected = replica?.output_hash ?? null;
  return judge(
    differ("result.output_hash", body.result.output_hash, expected, "the similarities give"),
    `${groups.length} group(s) of answers by the stated similarities`,
  );
}

function checkScores(body, outputs) {
  const scale = body.consensus.scale ?? null;
  if (scale === null) return judge(["scores have no scale"], "");
  const problems = [];
  const scores = new Map();
  for (const { index, status, value } of body.replicas) {
    const output = status === "OK" ? outputs.get(index) : null;
    const score = output === null ? null : readScore(output, scale.field, scale.decimals);
    const expected = score === null ? null : String(score);
    problems.push(...differ(`replicas[${index}].value`, value, expected, "the answer gives"));
    if (score !== null) scores.set(index, score);
  }
  let chosen = null;
  if (typeof body.consensus.value === "string") {
    const nearest = nearestTo(scores, BigInt(body.consensus.value));
    chosen = nearest === null ? null : outputs.get(nearest);
  }
  problems.push(...compareOutput(body, chosen));
  return judge(problems, `${scores.size} score(s) read from the answers`);
}

function nearestTo(scores, value) {
  const apart = (score) => (score < value ? value - score : score - value);
  let best = null;
  for (const [index, score] of scores) {
    const isNearer =
      best === null ||
      apart(score) < apart(scores.get(best)) ||
      (apart(score) === apart(scores.get(best)) && index < best);
    if (isNearer) best = index;
  }
  return best;
}

function compareOutput({ result }, output) {
  const summary = output === null ? null : firstOf(output, SUMMARY_CHARS);
  return [
    ...differ("result.output_hash", result.output_hash, outputHash(output), "the answers give"),
    ...differ("result.output_summary", result.output_summary, summary, "the answers give"),
  ];
}
