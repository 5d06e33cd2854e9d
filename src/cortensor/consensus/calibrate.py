# SPDX-License-Identifier: Apache-2.0
"""A strategy's confidence, fitted on gold items: one temperature, or a table of margins.

Integers throughout, so that a verifier with the same history gets the same calibration.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import starmap
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cortensor.consensus.confidence import (
    MARGIN_TABLE,
    TEMPERATURE,
    Calibration,
    Fit,
    confidence_bps,
)
from cortensor.consensus.fixed_point import BPS, MICRO, logistic
from cortensor.consensus.vote import Calibrated, Decision, Vote
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

COLDEST_BPS, HOTTEST_BPS = 5_000, 100_000
"""Temperatures tried: log-odds times 2 down to times 0.1."""
MARGIN_STEP_MICRO = 10_000
"""Margins are counted in steps of a hundredth of a nat when a temperature is fitted."""
BINS = 10


def calibrate(
    rounds: Iterable[tuple[Sequence[Vote], str]],
    rule: Callable[[Sequence[Vote]], Decision],
    *,
    n_history: int,
    version: str = "",
) -> Calibration:
    """Fit a strategy's confidence on rounds whose right outcome is known.

    Rules with log-odds get one temperature for each number of votes (Guo et al. 2017), rules that
    count get a table of how often m of k were right.

    Args:
        rounds: votes and right outcome; a round without a winner is left out.
        rule: the strategy, such as `partial(decide, strategy=...)`, without a calibration.
        n_history: gold items behind the rounds, which may use one item more than once.
        version: names the history.

    Raises:
        InvalidInput: if no round has a winner, or the rule applied more than one strategy.
    """
    found: dict[int, list[tuple[Decision, int]]] = defaultdict(list)
    applied = set()
    for votes, right in rounds:
        decision = rule(votes)
        if decision.confidence_bps:
            applied.add((decision.strategy, decision.weighing.weight_by))
            found[len(decision.groups)].append((decision, int(decision.outcome == right)))
    if len(applied) != 1:
        raise InvalidInput("needs rounds that one strategy decided", field="rounds")
    strategy, weight_by = applied.pop()
    return Calibration(
        strategy=strategy,
        weight_by=weight_by,
        n_history=n_history,
        version=version,
        fits={votes: _fit(decided, votes, n_history) for votes, decided in sorted(found.items())},
    )


def _fit(decided: Sequence[tuple[Decision, int]], votes: int, n_history: int) -> Fit:
    margins = [decision.margin_micro for decision, _ in decided]
    if all(margin is not None for margin in margins):
        pairs = [(margin or 0, right) for margin, (_, right) in zip(margins, decided, strict=True)]
        temperature = fit_temperature_bps(pairs)
        fit = Fit(temperature_bps=temperature)
    else:
        rounds: Counter[int] = Counter()
        won: Counter[int] = Counter()
        for decision, right in decided:
            rounds[len(decision.winner)] += 1
            won[len(decision.winner)] += right
        fit = Fit(cells={m: (won[m], count) for m, count in sorted(rounds.items())})
    scored = [(_confidence(fit, decision, votes, n_history), right) for decision, right in decided]
    return msgspec.structs.replace(
        fit, ece_bps=expected_error_bps(scored), brier_bps=brier_bps(scored)
    )


def _confidence(fit: Fit, decision: Decision, votes: int, n_history: int) -> int:
    right, rounds = fit.cells.get(len(decision.winner), (0, 0))
    method = Calibrated(
        method=MARGIN_TABLE if fit.temperature_bps is None else TEMPERATURE,
        n_history=n_history,
        temperature_bps=fit.temperature_bps,
        right=right,
        rounds=rounds,
    )
    return confidence_bps(method, votes, len(decision.winner), decision.margin_micro)


def fit_temperature_bps(pairs: Iterable[tuple[int, int]]) -> int:
    """Return the temperature with the least log-loss, in bps, to the next bps upwards.

    The loss is convex in 1/T, so its slope, the sum of margin * (right - confidence), crosses zero
    once and is found by bisection between `COLDEST_BPS` and `HOTTEST_BPS`.

    Args:
        pairs: margin in millionths, and whether the outcome was right (1 or 0).
    """
    rounds: Counter[int] = Counter()
    won: Counter[int] = Counter()
    for margin, right in pairs:
        step = (margin + MARGIN_STEP_MICRO // 2) // MARGIN_STEP_MICRO
        rounds[step] += 1
        won[step] += right

    def is_hot_enough(temperature: int) -> bool:
        slope = sum(
            step
            * (MICRO * won[step] - count * logistic(step * MARGIN_STEP_MICRO, temperature, MICRO))
            for step, count in rounds.items()
        )
        return slope >= 0

    low, high = COLDEST_BPS, HOTTEST_BPS
    while low < high:
        half = (low + high) // 2
        if is_hot_enough(half):
            high = half
        else:
            low = half + 1
    return low


def expected_error_bps(scored: Sequence[tuple[int, int]]) -> int:
    """Return the expected calibration error in bps, over 10 bins of equal width, rounded up.

    Args:
        scored: confidence in bps, and whether the outcome was right (1 or 0).

    Raises:
        InvalidInput: without any.
    """
    if not scored:
        raise InvalidInput("needs at least one round", field="scored")
    gaps = [0] * BINS
    for confidence, right in scored:
        gaps[min(confidence * BINS // BPS, BINS - 1)] += confidence - BPS * right
    return -(-sum(map(abs, gaps)) // len(scored))


class Bin(NamedTuple):
    """Rounds of like confidence, from `low_bps` to a tenth more: how sure, and how often right."""

    low_bps: int
    rounds: int
    mean_bps: int
    right_bps: int


def reliability(scored: Sequence[tuple[int, int]]) -> list[Bin]:
    """Return the bins that hold any round, ascending; means are rounded down.

    Args:
        scored: confidence in bps, and whether the outcome was right (1 or 0).
    """
    bins: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for confidence, right in scored:
        bins[min(confidence * BINS // BPS, BINS - 1)].append((confidence, right))
    return [
        Bin(
            low_bps=number * BPS // BINS,
            rounds=len(pairs),
            mean_bps=sum(confidence for confidence, _ in pairs) // len(pairs),
            right_bps=BPS * sum(right for _, right in pairs) // len(pairs),
        )
        for number, pairs in sorted(bins.items())
    ]


def brier_bps(scored: Sequence[tuple[int, int]]) -> int:
    """Return the mean squared error of the confidence in bps, rounded up.

    Raises:
        InvalidInput: without any.
    """
    if not scored:
        raise InvalidInput("needs at least one round", field="scored")
    squares = sum(starmap(_square, scored))
    return -(-squares // (BPS * len(scored)))


def _square(confidence: int, right: int) -> int:
    return (confidence - BPS * right) ** 2
