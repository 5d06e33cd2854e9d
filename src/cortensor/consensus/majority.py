# SPDX-License-Identifier: Apache-2.0
"""The majority rule as receipts of format 1 hold it: counts, Laplace's confidence, no history."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cortensor.consensus.confidence import laplace_confidence_bps
from cortensor.consensus.decide import by_label, decide
from cortensor.consensus.equivalence import RUNGS
from cortensor.consensus.fixed_point import BPS
from cortensor.consensus.likeness import EMBEDDING
from cortensor.consensus.outcome import (
    BEST_EFFORT,
    DEFAULT_THRESHOLD_BPS,
    FAIL_HARD,
    POLICIES,
    RETURN_ALL,
    VERDICT,
    Rules,
    cast_votes,
    conclude,
)
from cortensor.consensus.vote import Calibrated, Decision, Vote, Weighing
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "BEST_EFFORT",
    "DEFAULT_THRESHOLD_BPS",
    "FAIL_HARD",
    "POLICIES",
    "RETURN_ALL",
    "VERDICT",
    "agreement_bps",
    "decide_answers",
    "decide_groups",
    "decide_verdicts",
    "laplace_confidence_bps",
]


def agreement_bps(largest: int, replicas: int) -> int:
    """Return the share of the largest group in bps, rounded down so it is never overstated."""
    return BPS * largest // replicas


def decide_verdicts(
    votes: Sequence[Vote], *, policy: str, threshold_bps: int = DEFAULT_THRESHOLD_BPS
) -> Decision:
    """Decide a validation: votes with the same `label` agree.

    Raises:
        InvalidInput: for an empty round, a repeated index, an unknown status or policy.
    """
    return decide(votes, policy=policy, threshold_bps=threshold_bps)


def decide_answers(
    votes: Sequence[Vote],
    *,
    policy: str,
    threshold_bps: int = DEFAULT_THRESHOLD_BPS,
    equivalence: str = "exact",
    tolerance_millionths: int = 0,
) -> Decision:
    """Decide a delegation: votes whose `text` is the same under `equivalence` agree.

    Args:
        votes: one per executed replica.
        policy: return_all, fail_hard or best_effort.
        threshold_bps: agreement below this is strong disagreement.
        equivalence: exact, json or overlap.
        tolerance_millionths: for json, see `json_rung`.

    Raises:
        InvalidInput: for an empty round, a repeated index, an unknown status, policy or
            equivalence.
    """
    return decide(
        votes,
        equivalence=equivalence,
        policy=policy,
        threshold_bps=threshold_bps,
        tolerance_millionths=tolerance_millionths,
    )


def decide_groups(
    labels: Sequence[tuple[int, str | None]],
    *,
    equivalence: str,
    policy: str,
    threshold_bps: int,
    labels_possible: Sequence[str] | None = None,
    non_votes: str = "abstain",
    weighing: Weighing | None = None,
    calibrated: Callable[[int, int], Calibrated] | None = None,
) -> Decision:
    """Decide from group labels alone, as a receipt holds them; None is a non-vote.

    Args:
        labels: replica index -> group label.
        equivalence: what made them groups.
        policy: return_all, fail_hard or best_effort.
        threshold_bps: agreement below this is strong disagreement.
        labels_possible: the closed list of labels, or None.
        non_votes: abstain, ignore or against.
        weighing: the strategy and its weights; majority if None.
        calibrated: (votes that count, votes for the winner) -> how the confidence was made;
            Laplace's rule if None.

    Raises:
        InvalidInput: as `decide`, and for an unknown equivalence.
    """
    if weighing is None and calibrated is None and labels_possible is None:
        return _decide_plain(tuple(labels), equivalence, policy, threshold_bps, non_votes)
    return _decide_groups(
        labels,
        equivalence=equivalence,
        policy=policy,
        threshold_bps=threshold_bps,
        labels_possible=labels_possible,
        non_votes=non_votes,
        weighing=weighing,
        calibrated=calibrated,
    )


@lru_cache(maxsize=1024)
def _decide_plain(
    labels: tuple[tuple[int, str | None], ...],
    equivalence: str,
    policy: str,
    threshold_bps: int,
    non_votes: str,
) -> Decision:
    """Decide by majority; few patterns of votes make up most rounds that anyone reads again."""
    return _decide_groups(
        labels,
        equivalence=equivalence,
        policy=policy,
        threshold_bps=threshold_bps,
        labels_possible=None,
        non_votes=non_votes,
        weighing=None,
        calibrated=None,
    )


def _decide_groups(
    labels: Sequence[tuple[int, str | None]],
    *,
    equivalence: str,
    policy: str,
    threshold_bps: int,
    labels_possible: Sequence[str] | None,
    non_votes: str,
    weighing: Weighing | None,
    calibrated: Callable[[int, int], Calibrated] | None,
) -> Decision:
    if equivalence not in {VERDICT, EMBEDDING, *RUNGS}:
        raise InvalidInput("is unknown", field="consensus.equivalence")
    votes = [Vote(index=index, label=label) for index, label in labels]
    rules = Rules(
        equivalence=equivalence,
        policy=policy,
        threshold_bps=threshold_bps,
        non_votes=non_votes,
        labels=None if labels_possible is None else tuple(labels_possible),
    )
    rules.check()
    return conclude(
        [index for index, _ in labels],
        by_label(cast_votes(votes)),
        rules,
        weighing if weighing is not None else Weighing(),
        calibrated if calibrated is not None else _laplace,
    )


def _laplace(_votes: int, _winning: int) -> Calibrated:
    return Calibrated()
