# SPDX-License-Identifier: Apache-2.0
"""Which leaves a settled total rests on, and which of them nobody has shown."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from cortensor.pricing import format_cor
from cortensor.watch.checks import MISSING, NO_TOTAL, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MICRO_WEI = 10**12
MAX_MISSING = 64
"""New gaps named at once; the next ones show when these are filled."""


def settled_as(cumulative: int, *, is_stake: bool) -> int:
    """Return what a running total settles as: stake is charged in whole micro-COR, rounded up."""
    return -(-cumulative // MICRO_WEI) * MICRO_WEI if is_stake else cumulative


def find_missing(
    session: int,
    settled: int,
    places: Iterable[tuple[int, int]],
    *,
    is_stake: bool,
    noted: Collection[int] = (),
) -> list[Finding]:
    """Return what is not shown of a settled total, the highest index first.

    A leaf proves its total only together with the one below it, so the gap right below a leaf that
    is shown is the first to ask for. Whichever of them is not shown, all of the total is at stake.

    Args:
        session: the session.
        settled: its total on chain in wei.
        places: (index, cumulative) of the known leaves that a settler signed, in any order.
        is_stake: whether StakeQuota pays for it.
        noted: indexes that were missing before; named again while they are, however many.
    """
    if settled == 0:
        return []
    # An answer must show an index above 0, so a leaf there stands for nothing.
    shown = sorted((index, total) for index, total in places if index > 0)
    last = next((i for i, total in shown if settled_as(total, is_stake=is_stake) == settled), None)
    if last is None:
        detail = f"{format_cor(settled)} COR are settled, and no leaf has that total"
        return [Finding(NO_TOTAL, session, 0, detail, settled)]
    known = {index for index, _ in shown}
    missing = {index for index in noted if 0 < index < last and index not in known}
    gaps = (index for index in range(last - 1, 0, -1) if index not in known)
    missing.update(islice(gaps, MAX_MISSING))
    detail = f"no leaf is shown for this index, the settled total is at {last}"
    ordered = sorted(missing, reverse=True)
    return [Finding(MISSING, session, index, detail, settled) for index in ordered]
