# SPDX-License-Identifier: Apache-2.0
"""The strategies over labels: small pure functions from grouped votes to scores, in one registry.

A strategy sees who voted with whom and the `Weighing`, never a text, a verdict's meaning or a name.
So a receipt, which holds the same, gives the same scores.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from cortensor.consensus.dependence import without_dictator, without_shared
from cortensor.consensus.fixed_point import BPS, MICRO
from cortensor.consensus.vote import MAJORITY
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cortensor.consensus.grouping import Group
    from cortensor.consensus.vote import Weighing

T = TypeVar("T")

WEIGHTED = "weighted"
ENSEMBLE_MODEL = "ensemble_model"
REPUTATION = "reputation"
STAKE = "stake"
LATENCY = "latency"
COST = "cost"
WEIGHT_BY = (REPUTATION, STAKE, LATENCY, COST)

NOTHING = ""
"""The label of "none of the answers given": competes where the labels are not a closed list."""


class Ballot(NamedTuple):
    """Grouped votes with what weighs them.

    Attributes:
        groups: who said the same.
        labels: the closed list of possible labels, or None if there may be others.
        weighing: the rule and its weights.
        against: replicas without a vote that count as negative evidence.
    """

    groups: Sequence[Group]
    labels: tuple[str, ...] | None
    weighing: Weighing
    against: tuple[int, ...] = ()

    def space(self) -> list[str]:
        """Return every label that can win, and NOTHING if there may be others."""
        seen = [group.label for group in self.groups]
        if self.labels is None or self.against:
            seen.append(NOTHING)
        return list(dict.fromkeys([*(self.labels or ()), *seen]))

    def choices(self) -> dict[int, str]:
        """Return replica index -> the label it speaks for."""
        cast = {index: group.label for group in self.groups for index in group.members}
        return cast | dict.fromkeys(self.against, NOTHING)


class Tally(NamedTuple):
    """Scores by label.

    Attributes:
        scores: label -> score; the highest wins.
        ties: label -> preference among labels with one score and as many votes; the highest wins.
        evidence: label -> log-score in millionths, from which the confidence follows; None if
            the rule counts and has none.
    """

    scores: dict[str, int]
    ties: dict[str, int]
    evidence: dict[str, int] | None


def majority(ballot: Ballot) -> Tally:
    """One replica, one vote."""
    scores = {group.label: MICRO * len(group.members) for group in ballot.groups}
    if ballot.against:
        scores[NOTHING] = MICRO * len(ballot.against)
    return Tally(scores, {}, None)


def by_reputation(ballot: Ballot) -> Tally:
    """Sum of capped log-odds, less what is told twice; no replica outweighs all others.

    The confidence follows from the sums before that last bound: the bound is a guard against
    lying, not a belief about who is right.
    """
    choices = ballot.choices()
    weights = _pick(ballot.weighing.weights, choices, "weights")
    correlation = ballot.weighing.correlation_bps or 0
    evidence = without_shared(weights, correlation)
    space = ballot.space()
    return Tally(
        _sums(space, choices, without_dictator(evidence)),
        {},
        _sums(space, choices, evidence),
    )


def by_larger(ballot: Ballot) -> Tally:
    """Majority; among equally many votes, the larger total (stake)."""
    return majority(ballot)._replace(ties=_preferences(ballot, sign=1))


def by_smaller(ballot: Ballot) -> Tally:
    """Majority; among equally many votes, the smaller total (milliseconds, wei)."""
    return majority(ballot)._replace(ties=_preferences(ballot, sign=-1))


def ensemble_model(ballot: Ballot) -> Tally:
    """Log-prior plus the log-likelihood of all votes, counted as `n_eff` votes.

    Each rater has its own confusion matrix (two-coin model, Dawid and Skene 1979, with gold).
    Correlated votes are evidence worth n_eff votes, so their sum is scaled by n_eff / k.
    """
    choices = ballot.choices()
    weighing = ballot.weighing
    told = _pick(weighing.likelihoods, choices, "likelihoods")
    spread = BPS + (max(len(told), 1) - 1) * (weighing.correlation_bps or 0)
    scores = {
        label: prior + BPS * sum(likelihood[label] for likelihood in told.values()) // spread
        for label, prior in weighing.priors.items()
    }
    return Tally(scores, {}, scores)


STRATEGIES: Mapping[tuple[str, str | None], Callable[[Ballot], Tally]] = MappingProxyType(
    {
        (MAJORITY, None): majority,
        (WEIGHTED, REPUTATION): by_reputation,
        (WEIGHTED, STAKE): by_larger,
        (WEIGHTED, LATENCY): by_smaller,
        (WEIGHTED, COST): by_smaller,
        (ENSEMBLE_MODEL, None): ensemble_model,
    }
)
"""(strategy, weight_by) -> the function that counts."""


def tally(ballot: Ballot) -> Tally:
    """Count a ballot by the strategy its weighing names.

    Raises:
        InvalidInput: for an unknown strategy, or a vote without its weight.
    """
    chosen = (ballot.weighing.strategy, ballot.weighing.weight_by)
    if chosen not in STRATEGIES:
        raise InvalidInput(f"{chosen[0]} by {chosen[1]} is unknown", field="consensus.strategy")
    return STRATEGIES[chosen](ballot)


def _pick(given: Mapping[int, T], choices: Mapping[int, str], what: str) -> dict[int, T]:
    missing = [index for index in choices if index not in given]
    if missing:
        raise InvalidInput(f"replica {missing[0]} has none", field=f"consensus.{what}")
    return {index: given[index] for index in choices}


def _sums(
    space: Sequence[str], choices: Mapping[int, str], weights: Mapping[int, int]
) -> dict[str, int]:
    sums = dict.fromkeys(space, 0)
    for index, label in choices.items():
        sums[label] += weights[index]
    return sums


def _preferences(ballot: Ballot, *, sign: int) -> dict[str, int]:
    """Return each group's total; nothing if any vote has none, so that no gap looks like a 0."""
    known = ballot.weighing.preference
    if any(index not in known for group in ballot.groups for index in group.members):
        return {}
    return {
        group.label: sign * sum(known[index] for index in group.members) for group in ballot.groups
    }
