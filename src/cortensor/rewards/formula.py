# SPDX-License-Identifier: Apache-2.0
"""What a node's facts are worth, bit for bit as `lib/reward_formula.vy` computes it.

Linear in work on purpose: a formula that rose slower with work would pay for splitting a node, one
that rose faster for merging nodes. Breadth is concave, and counts the operator's models, not the
node's. Each division floors: what rounding leaves stays in the fund.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.rewards.words import BPS, MAX_LEVEL

if TYPE_CHECKING:
    from cortensor.rewards.card import RewardCard
    from cortensor.rewards.words import Facts

_SCALE = BPS**6


def breadth_bps(card: RewardCard, models: int) -> int:
    """Return what serving so many models multiplies by, from 10,000 up."""
    more = min(max(models, 1), card.max_models) - 1
    return BPS + card.breadth_gain_bps * more // (more + card.breadth_half)


def is_counted(card: RewardCard, facts: Facts) -> bool:
    """Return whether the node did enough, and was there enough, to be paid or to rise."""
    return facts.tasks >= card.min_tasks and facts.uptime_bps >= card.min_uptime_bps


def score_of(card: RewardCard, facts: Facts, work: int) -> int:
    """Return a node's score; 0 unless it is staked and counted.

    Args:
        card: the parameters.
        facts: what the epoch showed; the level is the one it had in the epoch.
        work: units of answered work.
    """
    if not facts.is_staked or not is_counted(card, facts):
        return 0
    product = work * card.level_bps[facts.level_before]
    product *= facts.agreement_bps * facts.consistency_bps * facts.answered_bps
    return product * breadth_bps(card, facts.models) * facts.uptime_bps // _SCALE


def amount_of(
    card: RewardCard, budget: int, score: int, operator_score: int, total_score: int
) -> int:
    """Return a node's wei of the budget.

    An operator's leaves together get at most `cap_bps` of the budget, and all leaves at most the
    budget, without a second pass: what a cap withholds goes back to the fund.

    Args:
        card: the parameters.
        budget: the epoch's wei.
        score: the node's.
        operator_score: the sum over its operator's nodes.
        total_score: the sum over all nodes.
    """
    if total_score == 0:
        return 0
    least = (operator_score * BPS + card.cap_bps - 1) // card.cap_bps
    return budget * score // max(total_score, least)


def next_level(card: RewardCard, facts: Facts) -> int:
    """Return the level after the epoch: one step up, one down, or none."""
    level = facts.level_before
    if (
        level < MAX_LEVEL
        and is_counted(card, facts)
        and facts.streak_after >= card.min_streak[level + 1]
        and facts.rate_bps >= card.min_rate_bps[level + 1]
    ):
        return level + 1
    is_worse = facts.uptime_bps < card.min_uptime_bps or (
        facts.tasks >= card.min_tasks
        and facts.rate_bps + card.margin_bps < card.min_rate_bps[level]
    )
    return level - 1 if level > 0 and is_worse else level
