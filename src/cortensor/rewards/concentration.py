# SPDX-License-Identifier: Apache-2.0
"""How evenly amounts are spread: Gini, HHI, Lorenz, the share of the largest. Basis points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.rewards.words import BPS

if TYPE_CHECKING:
    from collections.abc import Iterable


def gini_bps(amounts: Iterable[int]) -> int:
    """Return the Gini coefficient, rounded down: 0 for equal amounts."""
    ordered = sorted(amounts)
    total, count = sum(ordered), len(ordered)
    if not total:
        return 0
    ranked = sum((2 * rank - count - 1) * value for rank, value in enumerate(ordered, 1))
    return BPS * ranked // (count * total)


def hhi_bps(amounts: Iterable[int]) -> int:
    """Return the Herfindahl-Hirschman index, rounded down: 10,000 if one has it all."""
    values = list(amounts)
    total = sum(values)
    return BPS * sum(value * value for value in values) // total**2 if total else 0


def top_share_bps(amounts: Iterable[int], count: int = 5) -> int:
    """Return the share of the `count` largest, rounded down."""
    ordered = sorted(amounts, reverse=True)
    total = sum(ordered)
    return BPS * sum(ordered[:count]) // total if total else 0


def lorenz_bps(amounts: Iterable[int], points: int = 20) -> list[int]:
    """Return the share that the poorest 0, 1/points, … and all have, rounded down.

    Args:
        amounts: one each.
        points: steps; a step that cuts one of them counts the whole ones below it.
    """
    ordered = sorted(amounts)
    total = sum(ordered)
    if not total:
        return [0] * (points + 1)
    sums = [0]
    for value in ordered:
        sums.append(sums[-1] + value)
    return [BPS * sums[len(ordered) * step // points] // total for step in range(points + 1)]
