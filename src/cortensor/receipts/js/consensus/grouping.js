// SPDX-License-Identifier: Apache-2.0
// Answers into groups, by medoid stars: one answer, and those each like it; the largest star first.

import { compareText, fold } from "./folding.js";

/** Indices of [index, text] pairs in order of their folded texts, then by index. */
export const orderOf = (answers) =>
  answers
    .map(([index, text]) => [index, fold(text)])
    .sort(([i, left], [j, right]) => compareText(left, right) || i - j)
    .map(([index]) => index);

/**
 * Group replicas by how alike their answers are.
 *
 * @param {number[]} order decides between medoids that are equal in all else
 * @param {function(number, number): ?number} likeness null for two that are not one answer
 * @returns {{label: string, members: number[], representative: number}[]} numbered from 0 by their
 *   lowest replica index
 */
export function groupStars(order, likeness) {
  const left = new Set(order);
  const stars = [];
  while (left.size) {
    const star = largestStar(
      order.filter((index) => left.has(index)),
      likeness,
    );
    stars.push(star);
    for (const index of star.members) left.delete(index);
  }
  stars.sort((a, b) => a.members[0] - b.members[0]);
  return stars.map((star, number) => ({ label: String(number), ...star }));
}

function largestStar(left, likeness) {
  let best = null;
  // In `order`, so that the first of equals is the one to take.
  for (const medoid of left) {
    const others = left.filter((other) => other !== medoid && likeness(medoid, other) !== null);
    const total = others.reduce((sum, other) => sum + likeness(medoid, other), 0);
    const isBetter =
      best === null ||
      others.length > best.others.length ||
      (others.length === best.others.length && total > best.total);
    if (isBetter) best = { medoid, others, total };
  }
  const members = [best.medoid, ...best.others].sort((a, b) => a - b);
  return { members, representative: best.medoid };
}

/** Group [index, text] pairs by a relation. */
export function groupAnswers(answers, relation) {
  const found = new Map();
  if (answers.length > 1) {
    const prepared = answers.map(([index, text]) => [index, relation.prepare(text)]);
    prepared.forEach(([i, left], position) => {
      for (const [j, right] of prepared.slice(position + 1)) {
        const similarity = relation.similarity(left, right);
        found.set(`${i},${j}`, similarity);
        found.set(`${j},${i}`, similarity);
      }
    });
  }
  return groupStars(orderOf(answers), (i, j) => found.get(`${i},${j}`) ?? null);
}
