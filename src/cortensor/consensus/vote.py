# SPDX-License-Identifier: Apache-2.0
"""What goes into a decision and what comes out of it."""

from __future__ import annotations

from typing import Final

import msgspec

from cortensor.consensus.fixed_point import BPS
from cortensor.consensus.likeness import Likeness  # noqa: TC001 -- msgspec reads the annotation
from cortensor.errors import InvalidInput

OK: Final = "OK"
TIMEOUT: Final = "TIMEOUT"
ERROR: Final = "ERROR"
STATUSES = (OK, TIMEOUT, ERROR)

NO_CONSENSUS = "NO_CONSENSUS"
FAILED = "FAILED"
MAJORITY = "majority"

ABSTAIN = "abstain"
"""A replica without a vote counts in the denominator of agreement, and for nobody."""
IGNORE = "ignore"
"""It counts nowhere, as if it had not been asked."""
AGAINST = "against"
"""It is negative evidence: it votes against every answer that was given."""
MOST_WEIGHT_MICRO = 2_200_000
"""The highest cap of a weight, in millionths of a nat: nobody counts for more than 9 to 1."""
NON_VOTE_RULES = (ABSTAIN, IGNORE, AGAINST)


class Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One executed replica, as consensus sees it. Only the first four fields are for every rule.

    Attributes:
        index: the replica's number in the job, from 0, unique.
        status: OK, TIMEOUT or ERROR. Only OK can vote.
        label: the verdict of a validation, or None if it gave none that can be read.
        text: the answer of a delegation.
        value: the score, as an integer in the caller's unit.
        rater: who answered, as its record in `Reputation` names it.
        model: the model that answered.
        prompt: the prompt or method it answered under.
        stake: wei behind the replica.
        latency_ms: milliseconds it took.
        cost: wei it is billed.
    """

    index: int
    status: str = OK
    label: str | None = None
    text: str | None = None
    value: int | None = None
    rater: str | None = None
    model: str | None = None
    prompt: str | None = None
    stake: int | None = None
    latency_ms: int | None = None
    cost: int | None = None


class Weighing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything beside the votes that a rule uses. With it a receipt can be recomputed.

    Attributes:
        strategy: the rule that was applied.
        weight_by: reputation, stake, latency or cost, for `weighted`.
        fallback: why another rule than the requested one was applied, or None.
        weights: replica index -> capped log-odds in millionths (`weighted` by reputation).
        likelihoods: replica index -> label -> log-likelihood of its vote, if that label were
            right, in millionths (`ensemble_model`).
        priors: label -> log-probability before any vote, in millionths (`ensemble_model`).
        preference: replica index -> what breaks ties (stake, milliseconds or wei).
        correlation_bps: mean error correlation of the replicas that voted, or None if unknown.

    Raises:
        InvalidInput: for a weight beyond every cap or what is no correlation.
    """

    strategy: str = MAJORITY
    weight_by: str | None = None
    fallback: str | None = None
    weights: dict[int, int] = {}
    likelihoods: dict[int, dict[str, int]] = {}
    priors: dict[str, int] = {}
    preference: dict[int, int] = {}
    correlation_bps: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no rule can have used."""
        if any(abs(weight) > MOST_WEIGHT_MICRO for weight in self.weights.values()):
            raise InvalidInput(f"must be within {MOST_WEIGHT_MICRO}", field="consensus.weights")
        if not 0 <= (self.correlation_bps or 0) <= BPS:
            raise InvalidInput("must be 0 .. 10000", field="consensus.correlation_bps")


class Calibrated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a confidence was made, and how good such confidences were on the history.

    Attributes:
        method: `laplace`, `posterior` (log-odds as they are), `temperature`, `margin_table` or
            `residuals` (scores).
        n_history: gold items behind it; 0 for laplace.
        version: names the history, empty without one.
        ece_bps: expected calibration error on the history, in 10 bins, or None.
        brier_bps: mean squared error of the confidence on the history, or None.
        temperature_bps: what log-odds were divided by (`temperature`).
        right: of the rounds with this many votes and winners, those won rightly (`margin_table`).
        rounds: how many such rounds there were (`margin_table`).

    Raises:
        InvalidInput: for counts or a temperature that cannot be.
    """

    method: str = "laplace"
    n_history: int = 0
    version: str = ""
    ece_bps: int | None = None
    brier_bps: int | None = None
    temperature_bps: int | None = None
    right: int | None = None
    rounds: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no history can give."""
        if self.n_history < 0:
            raise InvalidInput("must not be negative", field="calibration.n_history")
        if self.temperature_bps is not None and self.temperature_bps <= 0:
            raise InvalidInput("must be positive", field="calibration.temperature_bps")
        if not 0 <= (self.right or 0) <= (self.rounds or 0):
            raise InvalidInput("must be 0 .. rounds", field="calibration.right")


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The outcome of one round of votes; every number is recomputable from the votes.

    Attributes:
        outcome: the winning verdict, OK (an answer won), NO_CONSENSUS, or FAILED (no votes).
        equivalence: exact, json, overlap, embedding, verdict or score.
        policy: return_all, fail_hard or best_effort.
        threshold_bps: agreement below this is strong disagreement.
        replicas: executed replicas, the denominator of agreement.
        winner: indices of the winning group, ascending; empty without a winner, and where votes
            of raters below chance give the verdict to a label that nobody voted for.
        dissent: indices of votes outside the winning group, ascending.
        representative: index of the replica whose answer stands for the winning group, or None.
        votes: group label -> votes in it.
        groups: (index, label) of every vote, by index.
        non_votes: executed replicas that did not vote.
        agreement_bps: share of the leading group among all executed replicas, rounded down.
        confidence_bps: probability that the outcome is right, rounded down and below 10000; 0
            without an outcome. How it was made is in `calibration`.
        strong_disagreement: no single leading group, or agreement below the threshold.
        weighing: the rule applied, and the weights it used.
        calibration: how the confidence was made.
        margin_micro: log-odds of the outcome against all else, in millionths, before
            calibration; None for rules that count.
        n_eff_milli: effective number of independent votes in thousandths, or None if unknown.
        value: the agreed score in the caller's unit, or None.
        interval: lowest and highest score, or None: see `numeric`.
        non_vote_rule: abstain, ignore or against: what a replica without a vote counts as.
        labels: all labels that could be given, or None if that was open.
        tolerance_millionths: relative difference of two numbers that are the same (`json`).
        likeness: how alike the answers are (`embedding`), else None.
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
    weighing: Weighing = Weighing()
    calibration: Calibrated = Calibrated()
    margin_micro: int | None = None
    n_eff_milli: int | None = None
    value: int | None = None
    interval: tuple[int, int] | None = None
    non_vote_rule: str = ABSTAIN
    labels: tuple[str, ...] | None = None
    tolerance_millionths: int = 0
    likeness: Likeness | None = None

    @property
    def strategy(self) -> str:
        """The rule that was applied; another than the requested one if there is a fallback."""
        return self.weighing.strategy

    def group_of(self, index: int) -> str | None:
        """Return the label of the group a replica voted with, or None if it did not vote."""
        return dict(self.groups).get(index)

    def cluster_of(self, index: int) -> int | None:
        """Return the answer-group number of a delegation's replica, or None if it did not vote."""
        label = self.group_of(index)
        return None if label is None else int(label)
