# SPDX-License-Identifier: Apache-2.0
"""What goes into a decision and what comes out of it."""

from __future__ import annotations

from typing import Final

import msgspec

OK: Final = "OK"
TIMEOUT: Final = "TIMEOUT"
ERROR: Final = "ERROR"
STATUSES = (OK, TIMEOUT, ERROR)

NO_CONSENSUS = "NO_CONSENSUS"
FAILED = "FAILED"


class Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One executed replica, as consensus sees it.

    Attributes:
        index: the replica's number in the job, from 0, unique.
        status: OK, TIMEOUT or ERROR. Only OK can vote.
        label: the verdict of a validation, or None if it gave none that can be read.
        text: the answer of a delegation.
    """

    index: int
    status: str = OK
    label: str | None = None
    text: str | None = None


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The outcome of one round of votes; every number is recomputable from the votes.

    Attributes:
        outcome: the winning verdict, OK (an answer won), NO_CONSENSUS, or FAILED (no votes).
        equivalence: exact, json, overlap or verdict.
        policy: return_all, fail_hard or best_effort.
        threshold_bps: agreement below this is strong disagreement.
        replicas: executed replicas, the denominator of agreement.
        winner: indices of the winning group, ascending; empty without a winner.
        dissent: indices of votes outside the winning group, ascending.
        representative: index of the replica whose answer stands for the winning group, or None.
        votes: group label -> votes in it.
        groups: (index, label) of every vote, by index.
        non_votes: executed replicas that did not vote.
        agreement_bps: share of the largest group among all executed replicas, rounded down.
        confidence_bps: floor(10000 * (m + 1) / (k + 2)) for the winner's m of k; 0 without one.
        strong_disagreement: no single largest group, or agreement below the threshold.
    """

    outcome: str
    equivalence: str
    policy: str
    threshold_bps: int
    replicas: int
    winner: tuple[int, ...]
    dissent: tuple[int, ...]
    representative: int | None
    votes: dict[str, int]
    groups: tuple[tuple[int, str], ...]
    non_votes: int
    agreement_bps: int
    confidence_bps: int
    strong_disagreement: bool

    def group_of(self, index: int) -> str | None:
        """Return the label of the group a replica voted with, or None if it did not vote."""
        return dict(self.groups).get(index)

    def cluster_of(self, index: int) -> int | None:
        """Return the answer-group number of a delegation's replica, or None if it did not vote."""
        label = self.group_of(index)
        return None if label is None else int(label)
