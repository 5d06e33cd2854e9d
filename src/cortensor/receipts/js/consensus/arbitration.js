// SPDX-License-Identifier: Apache-2.0
// A dispute's votes as its ruling: who loses cannot ask again, so it needs more than the largest group.

export const PARTIES = ["SELLER_VALID", "SELLER_INVALID"];
export const DEFAULT_LEAST_BPS = 7000;
const INCONCLUSIVE = "INCONCLUSIVE";

/** The ruling that needs at least this confidence; without it the dispute is INCONCLUSIVE. */
export function ruling(decision, leastBps) {
  const isRuling =
    PARTIES.includes(decision.outcome) &&
    decision.winner.length > 0 &&
    !decision.isStrongDisagreement &&
    decision.confidenceBps >= leastBps;
  if (decision.outcome === "FAILED" || isRuling) return decision;
  if (decision.outcome === INCONCLUSIVE && !decision.isStrongDisagreement) return decision;
  return {
    ...decision,
    outcome: INCONCLUSIVE,
    winner: [],
    dissent: decision.groups.map(([index]) => index),
    confidenceBps: 0,
  };
}
