# SPDX-License-Identifier: Apache-2.0
"""Score, amount and level as docs/spec/reward-formula.md states them, in exact fractions.

Written from the page and not from the contract or the package: fractions and one rounding each,
where those two use scaled integers. A mistake would have to be made three times to pass.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, prod
from typing import Any

TOP = 10
SHARES = ("rate_bps", "agreement_bps", "consistency_bps", "answered_bps", "uptime_bps")


def share(bps: int) -> Fraction:
    """Return basis points as a fraction."""
    return Fraction(bps, 10_000)


def is_possible(facts: Any) -> bool:
    """Return whether facts say what can be; they have the fields of the page."""
    levels = (facts.level_before, facts.level_after)
    shares = [getattr(facts, name) for name in SHARES]
    return max(levels) <= TOP and max(shares) <= 10_000 and facts.flags in (0, 1)


def breadth(card: Any, models: int) -> Fraction:
    """Return what serving so many models multiplies by; its gain is whole basis points."""
    more = min(models, card.max_models) - 1
    if more <= 0:
        return Fraction(1)
    return 1 + share(floor(Fraction(card.breadth_gain_bps * more, more + card.breadth_half)))


def is_there(card: Any, facts: Any) -> bool:
    """Return whether a node did enough and was there enough to count."""
    return facts.tasks >= card.min_tasks and facts.uptime_bps >= card.min_uptime_bps


def score(card: Any, facts: Any, work: int) -> int:
    """Return the work, weighed; 0 for who was not staked or does not count."""
    if facts.flags != 1 or not is_there(card, facts):
        return 0
    weights = [share(getattr(facts, name)) for name in SHARES[1:]]
    level = share(card.level_bps[facts.level_before])
    return floor(work * level * prod(weights) * breadth(card, facts.models))


def amount(card: Any, budget: int, own: int, operators: int, total: int) -> int:
    """Return a leaf's wei: its part of the budget, as if nobody were above the cap alone."""
    if total == 0:
        return 0
    least = ceil(operators / share(card.cap_bps))
    return floor(Fraction(budget * own, max(total, least)))


def next_level(card: Any, facts: Any) -> int:
    """Return the level after the epoch."""
    now = facts.level_before
    if now < TOP and is_there(card, facts):
        above = now + 1
        is_long = facts.streak_after >= card.min_streak[above]
        if is_long and share(facts.rate_bps) >= share(card.min_rate_bps[above]):
            return above
    if now == 0:
        return 0
    is_absent = share(facts.uptime_bps) < share(card.min_uptime_bps)
    missed = share(card.min_rate_bps[now]) - share(facts.rate_bps)
    is_worse = facts.tasks >= card.min_tasks and missed > share(card.margin_bps)
    return now - 1 if is_absent or is_worse else now
