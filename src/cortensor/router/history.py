# SPDX-License-Identifier: Apache-2.0
"""What is known of the compute sessions' answers, as of one moment: the history rules weigh by.

A request is priced, decided and recorded by one snapshot, so that an answer to a gold question
that arrives meanwhile cannot make the bill and the receipt disagree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from cortensor.consensus import (
    MAJORITY,
    REPUTATION,
    WEIGHTED,
    Calibration,
    EnsembleModel,
    Record,
    Reputation,
    lacking,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.router.consensus_schemas import ConsensusRequest


class History(Struct, frozen=True, kw_only=True):
    """A snapshot.

    Attributes:
        reputation: what sessions' votes weigh by, None without any records.
        measured: records of the compute sessions, without what the register of nodes says.
        model: their confusion counts, None without any.
        calibrations: fitted confidences, at most one a strategy.
    """

    reputation: Reputation | None = None
    measured: Mapping[str, Record] = field(default_factory=dict)
    model: EnsembleModel | None = None
    calibrations: tuple[Calibration, ...] = ()

    def calibration(self, strategy: str, weight_by: str | None) -> Calibration | None:
        """Return the confidence fitted for a strategy, if there is one."""
        for each in self.calibrations:
            if (each.strategy, each.weight_by) == (strategy, weight_by):
                return each
        return None


NO_HISTORY = History()


class NoHistory:
    """A history port that knows nothing."""

    def snapshot(self) -> History:
        """Return the empty history."""
        return NO_HISTORY


def weight_of(consensus: ConsensusRequest) -> str | None:
    """Return what the strategy asked for weighs by."""
    if consensus.strategy == WEIGHTED:
        return consensus.weight_by or REPUTATION
    return None


def applied(consensus: ConsensusRequest, history: History) -> str:
    """Return the strategy that will be applied, and is priced: a fallback is known before."""
    missing = lacking(consensus.strategy, weight_of(consensus), history.reputation, history.model)
    return consensus.strategy if missing is None else MAJORITY
