# SPDX-License-Identifier: Apache-2.0
"""The probability that an outcome is right, by the method that the history allows.

Agreement is no probability: read as one it is wrong by .25 at one replica. Unanimity is no
certainty: every method here stays below 10000 bps, and below what its history can show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus.fixed_point import BPS, logistic
from cortensor.consensus.reputation import MIN_GOLD_ITEMS
from cortensor.consensus.vote import Calibrated
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from cortensor.consensus.vote import Weighing

LAPLACE = "laplace"
POSTERIOR = "posterior"
TEMPERATURE = "temperature"
MARGIN_TABLE = "margin_table"
METHODS = (LAPLACE, POSTERIOR, TEMPERATURE, MARGIN_TABLE)

TABLE_SHRINKAGE = 8
"""Rounds by Laplace's rule that every cell of a margin table starts with."""


class Fit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was fitted for one number of votes.

    Attributes:
        temperature_bps: what log-odds are divided by (`temperature`).
        cells: votes for the winner -> (rounds won rightly, rounds) (`margin_table`).
        ece_bps: expected calibration error on the history.
        brier_bps: mean squared error of the confidence on the history.
    """

    temperature_bps: int | None = None
    cells: dict[int, tuple[int, int]] = {}
    ece_bps: int = 0
    brier_bps: int = 0


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A strategy's confidence, fitted on gold items; `history.calibrate` makes one.

    Attributes:
        strategy: the strategy it was fitted for; of use to no other.
        weight_by: the same.
        n_history: gold items it was fitted on.
        version: names the history.
        fits: number of votes -> what was fitted. Another number uses the next lower one, or the
            lowest.
        stop_bps: confidence at which `adaptive` stops asking, or None.
    """

    strategy: str
    weight_by: str | None
    n_history: int
    version: str
    fits: dict[int, Fit]
    stop_bps: int | None = None

    def is_for(self, weighing: Weighing) -> bool:
        """Return whether it was fitted for this rule, on gold items enough."""
        return (self.strategy, self.weight_by) == (
            weighing.strategy,
            weighing.weight_by,
        ) and self.n_history >= MIN_GOLD_ITEMS

    def cell(self, votes: int, winning: int) -> Calibrated:
        """Return what applies to a round of `votes` of which `winning` won."""
        lower = [count for count in self.fits if count <= votes]
        fit = self.fits[max(lower) if lower else min(self.fits)]
        right, rounds = fit.cells.get(winning, (0, 0))
        by_table = fit.temperature_bps is None
        return Calibrated(
            method=MARGIN_TABLE if by_table else TEMPERATURE,
            n_history=self.n_history,
            version=self.version,
            ece_bps=fit.ece_bps,
            brier_bps=fit.brier_bps,
            temperature_bps=fit.temperature_bps,
            right=right if by_table else None,
            rounds=rounds if by_table else None,
        )


def laplace_confidence_bps(winning: int, replicas: int) -> int:
    """Return the rule-of-succession confidence in bps, rounded down."""
    return BPS * (winning + 1) // (replicas + 2)


def confidence_bps(method: Calibrated, votes: int, winning: int, margin_micro: int | None) -> int:
    """Return the confidence in bps, rounded down, below 10000.

    Args:
        method: how to make it.
        votes: replicas that count.
        winning: votes for the winner.
        margin_micro: log-odds of the outcome, where the strategy gives them.

    Raises:
        InvalidInput: for an unknown method, or one that lacks what it needs.
    """
    if method.method == LAPLACE:
        return laplace_confidence_bps(winning, votes)
    if method.method == MARGIN_TABLE:
        found = _table(method, winning, votes)
    elif method.method in {TEMPERATURE, POSTERIOR}:
        if margin_micro is None:
            raise InvalidInput("needs log-odds, which this strategy has not", field="calibration")
        found = logistic(margin_micro, _temperature(method))
    else:
        raise InvalidInput(f"must be one of {', '.join(METHODS)}", field="calibration.method")
    return min(found, most_bps(method.n_history))


def _temperature(method: Calibrated) -> int:
    return BPS if method.temperature_bps is None else method.temperature_bps


def most_bps(n_history: int) -> int:
    """Return the most that a history of `n_history` items can show: (n + 1) / (n + 2)."""
    return BPS * (n_history + 1) // (n_history + 2)


def _table(method: Calibrated, winning: int, votes: int) -> int:
    """Return (right + 8 L) / (rounds + 8), with L = (m + 1) / (k + 2)."""
    right, rounds = method.right or 0, method.rounds or 0
    return (
        BPS
        * (right * (votes + 2) + TABLE_SHRINKAGE * (winning + 1))
        // ((rounds + TABLE_SHRINKAGE) * (votes + 2))
    )
