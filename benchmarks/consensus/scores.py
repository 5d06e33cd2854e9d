# SPDX-License-Identifier: Apache-2.0
"""Measures the strategies over scores, honest and with one liar, and their intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.consensus.measures import Error
from benchmarks.consensus.votes import REPLICAS, draws
from cortensor.consensus import Scale, Vote, decide

if TYPE_CHECKING:
    from benchmarks.consensus.votes import Dataset, Item, Rater
    from cortensor.consensus import Decision

MEAN = "mean"
STRATEGIES = ("median", "median_of_means", "trimmed_mean")
BOUNDED = "trimmed_mean"
SPANS = "interval from history: held, width | plain range: held, width"


@dataclass
class Outcome:
    """Errors by (k, strategy, lied or not) and coverage of the trimmed mean's interval."""

    name: str
    errors: dict[tuple[int, str, bool], Error] = field(default_factory=dict)
    held: dict[int, Error] = field(default_factory=dict)
    kept: dict[int, Error] = field(default_factory=dict)


def bounds(dataset: Dataset) -> tuple[int, int]:
    """Return the ends of the scale: -100 .. 100 where any vote is negative, else 0 .. 100."""
    negative = any(int(vote) < 0 for item in dataset.history for vote in item.votes.values())
    return (-100 if negative else 0), 100


def measure(dataset: Dataset, count: int) -> Outcome:
    """Estimate every test item from its draws."""
    outcome = Outcome(dataset.name)
    low, high = bounds(dataset)
    scale = Scale(bounds=(low, high), residuals=_residuals(dataset))
    for item, raters in draws(dataset.name, dataset.test, count):
        gold = int(item.gold)
        values = _values(item, raters)
        far = high if 2 * gold < low + high else low
        for k in REPLICAS[1:]:
            for lied in (False, True):
                cast = [far, *values[1:k]] if lied else values[:k]
                _add(outcome, (k, MEAN, lied), sum(cast) / k - gold)
                for strategy in STRATEGIES:
                    value = _estimate(cast, strategy, scale).value
                    _add(outcome, (k, strategy, lied), (value or 0) - gold)
            _cover(outcome.held, k, _estimate(values[:k], BOUNDED, scale).interval, gold)
            plain = _estimate(values[:k], BOUNDED, Scale(bounds=(low, high)))
            _cover(outcome.kept, k, plain.interval, gold)
    return outcome


def _values(item: Item, raters: list[Rater]) -> list[int]:
    return [int(item.votes[rater]) for rater in raters]


def _estimate(values: list[int], strategy: str, scale: Scale) -> Decision:
    votes = [Vote(index=index, value=value) for index, value in enumerate(values)]
    return decide(votes, strategy=strategy, scale=scale)


def _residuals(dataset: Dataset) -> dict[int, tuple[int, ...]]:
    """Return the trimmed mean's errors on the history, one a gold item."""
    found: dict[int, list[int]] = {k: [] for k in REPLICAS[1:]}
    for item, raters in draws(dataset.name, dataset.history, 1):
        values = _values(item, raters)
        for k, errors in found.items():
            value = _estimate(values[:k], BOUNDED, Scale()).value
            errors.append(abs((value or 0) - int(item.gold)))
    return {k: tuple(sorted(errors)) for k, errors in found.items()}


def _add(outcome: Outcome, key: tuple[int, str, bool], error: float) -> None:
    outcome.errors.setdefault(key, Error()).add(error)


def _cover(found: dict[int, Error], k: int, interval: tuple[int, int] | None, gold: int) -> None:
    low, high = interval or (0, 0)
    found.setdefault(k, Error()).add(high - low, held=low <= gold <= high)


def table(outcomes: list[Outcome]) -> list[str]:
    """Render the outcomes as a Markdown table."""
    names = (MEAN, *STRATEGIES)
    lines = [
        f"| RMSE, honest / one liar | k | {' | '.join(names)} | {SPANS} |",
        "|---" * (len(names) + 4) + "|",
    ]
    for outcome in outcomes:
        for k in REPLICAS[1:]:
            cells = [
                " / ".join(f"{outcome.errors[k, name, lied].rmse:.1f}" for lied in (False, True))
                for name in names
            ]
            spans = [
                f"{found[k].coverage:.0%}, {found[k].rmse:.0f}"
                for found in (outcome.held, outcome.kept)
            ]
            lines.append("| " + " | ".join([outcome.name, str(k), *cells, *spans]) + " |")
    return lines
