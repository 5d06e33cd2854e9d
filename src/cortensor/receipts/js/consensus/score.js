// SPDX-License-Identifier: Apache-2.0
// A score out of an answer: a JSON number, or one field of a JSON object, in the caller's unit.

import { scaledAndRounded } from "./decimal.js";
import { isDecimal, parseAnswer } from "./equivalence.js";

const MOST_SCORE = 10n ** 30n;

/** The number in an answer times 10^decimals, rounded half to even, or null. */
export function readScore(text, field, decimals) {
  let value = parseAnswer(text);
  if (field !== null) value = value instanceof Map ? value.get(field) : undefined;
  if (!isDecimal(value)) return null;
  const score = scaledAndRounded(value, decimals);
  return score > MOST_SCORE || score < -MOST_SCORE ? null : score;
}
