// SPDX-License-Identifier: Apache-2.0
// When an adaptive run is settled: no way the replicas left could answer changes the winning group.

import { decideGroups } from "./outcome.js";

const TRANSITIVE = ["verdict", "exact", "json"];
const UNSEEN = "\0unseen"; // a label that nobody has given yet

/** Every way `count` replicas can each give one of these labels. */
function* waysOf(labels, count) {
  if (count === 0) {
    yield [];
    return;
  }
  for (const rest of waysOf(labels, count - 1)) {
    for (const label of labels) yield [...rest, label];
  }
}

/** Whether no `left` more votes can change a majority, told by its labels alone. */
export function isSettledByCount(decision, left, toleranceMillionths) {
  const isTransitive = TRANSITIVE.includes(decision.equivalence) && !toleranceMillionths;
  if (decision.strategy !== "majority" || left < 1 || !isTransitive) return false;
  const last = decision.groups.reduce((most, [index]) => Math.max(most, index), 0);
  const silent = decision.replicas - decision.groups.length;
  const votes = [...decision.groups];
  for (let i = 1; i <= silent; i += 1) votes.push([last + i, null]);
  const { equivalence, policy, thresholdBps, nonVotes } = decision;
  const rules = { equivalence, policy, thresholdBps, nonVotes, labels: null };
  const before = decideGroups(votes, rules);
  if (!before.winner.length || left >= before.groups.length) return false;
  const next = Math.max(...votes.map(([index]) => index)) + 1;
  for (const labels of waysOf([...before.votes.keys(), null, UNSEEN], left)) {
    const more = labels.map((label, i) => [next + i, label]);
    const after = decideGroups([...votes, ...more], rules);
    if (!before.winner.every((index) => after.winner.includes(index))) return false;
  }
  return true;
}
