// SPDX-License-Identifier: Apache-2.0
// Answers one question a line of standard input, `[name, arguments]`, about texts and numbers.

import { createInterface } from "node:readline";
import { readScore } from "../../src/cortensor/receipts/js/consensus/score.js";
import { RELATIONS, jsonRelation } from "../../src/cortensor/receipts/js/consensus/equivalence.js";
import { fold } from "../../src/cortensor/receipts/js/consensus/folding.js";
import { groupAnswers } from "../../src/cortensor/receipts/js/consensus/grouping.js";
import { gateBetween, isSameText } from "../../src/cortensor/receipts/js/consensus/likeness.js";
import {
  lnMicro,
  logOddsMicro,
  logistic,
} from "../../src/cortensor/receipts/js/consensus/fixed_point.js";

const relationOf = (name, tolerance) => (tolerance ? jsonRelation(tolerance) : RELATIONS[name]);

const ANSWERS = {
  fold,
  gate: gateBetween,
  same: isSameText,
  groups: (texts, name, tolerance) =>
    groupAnswers(
      texts.map((text, index) => [index, text]),
      relationOf(name, tolerance),
    ).map(({ members, representative }) => [members, representative]),
  score: (text, field, decimals) => String(readScore(text, field, decimals)),
  ln: (numerator, denominator) => String(lnMicro(BigInt(numerator), BigInt(denominator))),
  logistic: (margin, temperature) => String(logistic(BigInt(margin), BigInt(temperature))),
  odds: (score, others) => String(logOddsMicro(BigInt(score), others.map(BigInt))),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...given] = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(ANSWERS[name](...given))}\n`);
}
