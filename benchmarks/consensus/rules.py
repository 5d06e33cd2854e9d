# SPDX-License-Identifier: Apache-2.0
"""The rules that are compared: baselines in a few lines, and the package's, fitted on history."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.consensus.votes import MOST, REPLICAS, Dataset, Item, Rater, draws
from cortensor.consensus import (
    Calibration,
    Decision,
    EnsembleModel,
    GoldItem,
    Record,
    Reputation,
    Vote,
    calibrate,
    correlation_of,
    decide,
    fit_stop_bps,
    model_of,
    records_of,
)
from cortensor.consensus.adaptive import DEFAULT_STOP_BPS
from cortensor.consensus.reputation import MIN_GOLD_ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LABELS = ("0", "1")
SHRINKAGE = 8
MEAN_REPLICAS_MILLI = 3_350
"""What adaptive may ask on average, of the 5000 it saves from: a third less."""
LIAR = Rater("liar", None, None)
LIAR_RECORD = Record(right=950_000, total=1_000_000)
"""Credited an accuracy of .95, none of it audited."""

Round = tuple[tuple[Rater, str], ...]
"""Who was asked, in order, and what each said."""
Answer = tuple[str | None, float]
"""The outcome, None for a tie, and the confidence in it."""


def round_of(item: Item, raters: Sequence[Rater]) -> Round:
    """Return an item's round."""
    return tuple((rater, item.votes[rater]) for rater in raters)


def as_votes(cast: Round) -> list[Vote]:
    """Return a round as the package sees it."""
    return [
        Vote(index=index, label=vote, rater=rater.name, model=rater.model, prompt=rater.method)
        for index, (rater, vote) in enumerate(cast)
    ]


@dataclass(frozen=True)
class Fitted:
    """Everything that is learnt from the history of one set."""

    dataset: Dataset
    count: int

    @cached_property
    def gold(self) -> list[GoldItem]:
        """The history as gold items."""
        return [
            GoldItem(votes=tuple(as_votes(tuple(item.votes.items()))), right=item.gold)
            for item in self.dataset.history
        ]

    @cached_property
    def rounds(self) -> list[tuple[Round, str]]:
        """Rounds of five drawn from the history, with the right answer."""
        return [
            (round_of(item, raters), item.gold)
            for item, raters in draws(self.dataset.name, self.dataset.history, self.count)
        ]

    @cached_property
    def audited(self) -> Reputation:
        """Records in which every vote was on a gold item."""
        return Reputation(
            records={**records_of(self.gold), LIAR.name: LIAR_RECORD},
            pool=self.pool,
            gold_items=len(self.gold),
            correlation=correlation_of(self.gold),
        )

    @cached_property
    def pool(self) -> Record:
        """The sum of all honest records."""
        records = records_of(self.gold).values()
        return Record(
            right=sum(record.right for record in records),
            total=sum(record.total for record in records),
        )

    @cached_property
    def young(self) -> Reputation:
        """The same records, none of them audited."""
        return msgspec.structs.replace(
            self.audited,
            records={
                name: msgspec.structs.replace(record, audited=0)
                for name, record in self.audited.records.items()
            },
        )

    @cached_property
    def trusting(self) -> Reputation:
        """The audited records, and a liar that passed every audit."""
        liar = msgspec.structs.replace(LIAR_RECORD, audited=LIAR_RECORD.total)
        records = {**self.audited.records, LIAR.name: liar}
        return msgspec.structs.replace(self.audited, records=records)

    @cached_property
    def model(self) -> EnsembleModel:
        """Confusion counts of all raters."""
        return model_of(self.gold, LABELS)

    @cached_property
    def prior(self) -> str:
        """The commonest right answer."""
        ones = sum(item.right == "1" for item in self.gold)
        return "1" if 2 * ones >= len(self.gold) else "0"

    @cached_property
    def prior_share(self) -> float:
        """How common it is."""
        return sum(item.right == self.prior for item in self.gold) / len(self.gold)

    def accuracy(self, rater: Rater) -> float:
        """Return a rater's shrunk accuracy."""
        mean = self.pool.right / self.pool.total
        record = self.audited.records.get(rater.name, Record(right=0, total=0))
        return (record.right + SHRINKAGE * mean) / (record.total + SHRINKAGE)

    def package(self, **rule: Any) -> Package:
        """Return one of the package's strategies, its confidence fitted on the history."""
        strategy = partial(decide, labels=LABELS, **rule)
        calibration = calibrate(
            ((as_votes(cast[:k]), right) for cast, right in self.rounds for k in REPLICAS),
            Package(strategy).decision,
            n_history=len(self.gold),
        )
        return Package(partial(strategy, calibration=calibration), calibration)

    def stopping(self, package: Package) -> Package:
        """Return the same with a confidence at which adaptive stops; without history, as it is."""
        if len(self.gold) < MIN_GOLD_ITEMS:
            return package
        stop_bps = fit_stop_bps(
            [as_votes(cast) for cast, _ in self.rounds if len(cast) == MOST],
            package.decision,
            mean_replicas_milli=MEAN_REPLICAS_MILLI,
        )
        return Package(package.rule, package.calibration, stop_bps)


class Package:
    """A strategy of the package; equal rounds are decided once."""

    def __init__(
        self,
        rule: Callable[..., Decision],
        calibration: Calibration | None = None,
        stop_bps: int = DEFAULT_STOP_BPS,
    ) -> None:
        self.rule = rule
        self.calibration = calibration
        self.stop_bps = stop_bps
        self._seen: dict[tuple[tuple[str | None, ...], ...], Decision] = {}

    def decision(self, votes: Sequence[Vote]) -> Decision:
        """Return the decision; the order of the replicas cannot matter, and is dropped."""
        key = tuple(
            sorted((vote.rater or "", vote.model or "", vote.label or "") for vote in votes)
        )
        if key not in self._seen:
            self._seen[key] = self.rule(votes)
        return self._seen[key]

    def __call__(self, cast: Round) -> Answer:
        """Return the answer to a round."""
        decision = self.decision(as_votes(cast))
        outcome = decision.outcome if decision.outcome in LABELS else None
        return outcome, decision.confidence_bps / 10_000


def majority(cast: Round) -> Answer:
    """Most votes; confidence is the agreement."""
    return weighted(cast, lambda _: 1.0)


def weighted(cast: Round, weight: Callable[[Rater], float]) -> Answer:
    """Largest sum of weights; confidence is its share."""
    sums = {label: sum(weight(rater) for rater, vote in cast if vote == label) for label in LABELS}
    best = max(sums.values())
    leaders = [label for label in LABELS if sums[label] == best]
    return (leaders[0] if len(leaders) == 1 else None), best / sum(sums.values())


def best_rater(cast: Round, accuracy: Callable[[Rater], float]) -> Answer:
    """The rater with the best record alone; confidence is its accuracy."""
    rater, vote = max(cast, key=lambda one: accuracy(one[0]))
    return vote, accuracy(rater)
