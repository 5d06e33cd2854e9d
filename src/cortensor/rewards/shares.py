# SPDX-License-Identifier: Apache-2.0
"""From counts to the shares of a leaf: agreement, consistency, rate, streak. Exact integers.

Every share is either linear in a node's tasks or measured over all the operator's nodes, so that
how many nodes an operator spreads its work over moves none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.consensus.fixed_point import isqrt
from cortensor.rewards.words import BPS

if TYPE_CHECKING:
    from collections.abc import Sequence

AVERAGE_BPS = 6_667
"""What a node that nothing is known of is taken for: two of three are with the winner of 2 to 1."""
EVIDENCE_BPS = 30_000
"""The contest at which what was seen and what is assumed weigh the same: nine tasks of 2 to 1."""
SLICES = 8
"""Equal spans of an epoch between which agreement is compared."""
RATE_MEMORY = 300
"""Earlier epochs together count as so many tasks: luck moves a rate as little for a small node as
for a large one, so that splitting a node wins no level."""
MAX_STREAK = 2**32 - 1


def share_bps(part: int, whole: int, *, otherwise: int = 0) -> int:
    """Return floor(10,000 part / whole), or `otherwise` of nothing."""
    return BPS * part // whole if whole else otherwise


def agreement_bps(won: int, contest: int, operator_won: int, operator_contest: int) -> int:
    """Return a node's agreement on what was contested, rounded down.

    A task weighs as much as it was contested: where all agree, agreeing shows nothing. What is
    seen is mixed with `AVERAGE_BPS` by how much evidence the operator has over all its nodes.

    Args:
        won: contest (bps) of the node's tasks in which it was with the winner.
        contest: contest of all its tasks.
        operator_won: the same over its operator's nodes.
        operator_contest: the same.
    """
    if not contest:  # nothing contested came to this node: its operator's others speak for it
        won, contest = operator_won, operator_contest
    if not contest:
        return AVERAGE_BPS
    seen = BPS * won * operator_contest
    assumed = EVIDENCE_BPS * AVERAGE_BPS * contest
    return (seen + assumed) // (contest * (operator_contest + EVIDENCE_BPS))


def consistency_bps(slices: Sequence[tuple[int, int]]) -> int:
    """Return how even the agreement of an operator's nodes was over an epoch.

    10,000 less twice the mean distance of a slice's rate from the epoch's, beyond twice what chance
    makes of it: E|x| of a binomial is at most sqrt(2 n p (1 - p) / pi), with 2/pi up to 0.6367.
    Twice that mean is some four deviations above it, so an even node is not charged for luck.

    Args:
        slices: (successes, tasks) of each slice.
    """
    wins = sum(won for won, _ in slices)
    tasks = sum(count for _, count in slices)
    if not tasks:
        return BPS
    # All distances are times `tasks`, so that they stay whole.
    apart = sum(abs(won * tasks - wins * count) for won, count in slices)
    spread = wins * (tasks - wins)
    chance = sum(isqrt(6_367 * count * spread // BPS) + 1 for _, count in slices if count)
    excess = max(0, apart - 2 * chance)
    return max(0, BPS - 2 * BPS * excess // tasks**2)


def smoothed_rate_bps(before: int | None, won: int, counted: int) -> int:
    """Return the rate after an epoch, of this one alone if none was before; rounded down."""
    if before is None:
        return share_bps(won, counted)
    return (before * RATE_MEMORY + BPS * won) // (RATE_MEMORY + counted)


def streak_after(before: int, won_since: int, *, has_failed: bool) -> int:
    """Return the successes in a row at the end of an epoch.

    Args:
        before: those up to its start.
        won_since: successes after the last failure of the epoch, or all of it.
        has_failed: whether there was a failure.
    """
    return min(MAX_STREAK, won_since if has_failed else before + won_since)
