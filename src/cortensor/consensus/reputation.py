# SPDX-License-Identifier: Apache-2.0
"""What a replica's past is worth: capped log-odds of its shrunk, measured accuracy.

For independent voters the weights that make the right verdict likeliest are log-odds,
ln(p / (1 - p)) (Nitzan and Paroush 1982, Shapley and Grofman 1984). p is shrunk towards the pool by
a Beta prior worth eight votes. The cap keeps one replica, whatever its record, from being certain;
it is low where the record could be young or bought. docs/spec/consensus.md has the measurements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus.dependence import Correlation
from cortensor.consensus.fixed_point import ln_micro
from cortensor.consensus.vote import MOST_WEIGHT_MICRO
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

SHRINKAGE_VOTES = 8
"""Votes of the average rater that every record starts with."""
YOUNG_CAP_MICRO = 1_100_000
"""Most that a record without audit weighs, in millionths: the log-odds of about 3 to 1."""
AUDITED_CAP_MICRO = MOST_WEIGHT_MICRO
"""Most that any record weighs: about 9 to 1."""
AUDITED_ITEMS = 50
"""Gold items from which a record counts as fully audited; the cap grows evenly up to there."""
MIN_GOLD_ITEMS = 25
"""Below this many gold items in the pool's history nothing is weighed by reputation."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often one rater was right.

    Attributes:
        right: votes that were right.
        total: votes whose right answer is known, by gold or by agreement with peers.
        audited: how many of them were gold questions, whose answer no rater could know or buy.
    """

    right: int
    total: int
    audited: int = 0

    def __post_init__(self) -> None:
        """Refuse counts that cannot be. Raises InvalidInput."""
        if not 0 <= self.right <= self.total:
            raise InvalidInput("must be 0 .. total", field="reputation.right")
        if not 0 <= self.audited <= self.total:
            raise InvalidInput("must be 0 .. total", field="reputation.audited")


class Reputation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The records of a pool of raters at one time.

    Attributes:
        records: rater -> record. A rater without one counts as the average of the pool, unaudited.
        gold_items: gold questions that the records and the calibration rest on.
        correlation: how the raters' errors go together; the published default if not measured.
        pool: the pool's own record; by default the sum of all records.
    """

    records: dict[str, Record]
    gold_items: int
    correlation: Correlation = Correlation()
    pool: Record | None = None

    def is_enough(self) -> bool:
        """Return whether there is gold enough to weigh anything."""
        return self.gold_items >= MIN_GOLD_ITEMS

    def average(self) -> Record:
        """Return the pool's record."""
        if self.pool is not None:
            return self.pool
        return pooled(self.records)

    def weights_micro(self, raters: Mapping[int, str | None]) -> dict[int, int]:
        """Return each replica's capped log-odds in millionths.

        Args:
            raters: replica index -> rater, None if unknown.
        """
        pool = self.average()
        return {
            index: weight_micro(self.records.get(rater or ""), pool)
            for index, rater in raters.items()
        }


def pooled(records: Mapping[str, Record]) -> Record:
    """Return the sum of all records."""
    return Record(
        right=sum(record.right for record in records.values()),
        total=sum(record.total for record in records.values()),
        audited=sum(record.audited for record in records.values()),
    )


def cap_micro(audited: int) -> int:
    """Return the most a record with `audited` gold items weighs, in millionths of a nat."""
    growth = AUDITED_CAP_MICRO - YOUNG_CAP_MICRO
    return YOUNG_CAP_MICRO + growth * min(audited, AUDITED_ITEMS) // AUDITED_ITEMS


def weight_micro(record: Record | None, pool: Record) -> int:
    """Return ln(p / (1 - p)), clipped to the record's cap on both sides, in millionths.

    p = (right + 8 g) / (total + 8), with g the pool's accuracy, a half if the pool has no votes.
    A rater below chance has a negative weight: its vote speaks for the other side.
    """
    mine = record if record is not None else Record(right=0, total=0)
    right, total = (pool.right, pool.total) if pool.total else (1, 2)
    # Both sides of the odds times `total`, so that they stay integers.
    odds_for = mine.right * total + SHRINKAGE_VOTES * right
    odds_against = (mine.total - mine.right) * total + SHRINKAGE_VOTES * (total - right)
    cap = cap_micro(mine.audited)
    if odds_against == 0:  # nobody in the pool ever erred
        return cap
    if odds_for == 0:
        return -cap
    return max(-cap, min(cap, ln_micro(odds_for, odds_against)))
