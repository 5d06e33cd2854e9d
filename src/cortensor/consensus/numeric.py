# SPDX-License-Identifier: Apache-2.0
"""Scores: median, median of means, trimmed mean, each with an interval, in exact rationals.

A score is an integer in the caller's unit (cents, millionths, points). Estimates are rationals,
rounded once, half to even, so that negating all scores negates the result.
"""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus.confidence import laplace_confidence_bps
from cortensor.consensus.dependence import effective_votes_milli
from cortensor.consensus.fixed_point import BPS
from cortensor.consensus.outcome import FAIL_HARD, Rules, cast_votes
from cortensor.consensus.reputation import MIN_GOLD_ITEMS
from cortensor.consensus.vote import (
    FAILED,
    IGNORE,
    NO_CONSENSUS,
    OK,
    Calibrated,
    Decision,
    Vote,
    Weighing,
)
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MEDIAN = "median"
MEDIAN_OF_MEANS = "median_of_means"
TRIMMED_MEAN = "trimmed_mean"
SCORE = "score"
"""The equivalence of scores: within the tolerance of the result."""
RESIDUALS = "residuals"
NEAR, FAR = "0", "1"
"""Groups of scores: within the tolerance of the result, and not."""

GROUPS = 3
"""Groups of median_of_means: the fewest of which one can be wrong."""
DEFAULT_COVERAGE_BPS = 9000
RANGE_TRIMS_FROM = 5
"""Scores from which the plain range leaves out the ends; three would leave one."""


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What scores mean, in the caller's unit.

    Attributes:
        tolerance: scores at most this far from the result agree with it.
        bounds: lowest and highest possible score; one beyond them is no vote.
        residuals: number of votes -> ascending absolute errors of past results, one a gold item.
        coverage_bps: share of right answers that the interval should hold.
        version: names the history of the residuals.
    """

    tolerance: int = 0
    bounds: tuple[int, int] | None = None
    residuals: dict[int, tuple[int, ...]] = {}
    coverage_bps: int = DEFAULT_COVERAGE_BPS
    version: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of range. Raises InvalidInput."""
        if self.tolerance < 0:
            raise InvalidInput("must not be negative", field="scale.tolerance")
        if self.bounds is not None and self.bounds[0] > self.bounds[1]:
            raise InvalidInput("must ascend", field="scale.bounds")
        if not 0 < self.coverage_bps < BPS:
            raise InvalidInput("must be 1 .. 9999", field="scale.coverage_bps")
        for errors in self.residuals.values():
            if list(errors) != sorted(errors) or (errors and errors[0] < 0):
                raise InvalidInput("must ascend from 0", field="scale.residuals")

    def past(self, votes: int) -> Past:
        """Return what the past errors with this many votes say."""
        errors = self.residuals.get(votes, ())
        rank = -(-(len(errors) + 1) * self.coverage_bps // BPS)
        return Past(
            within=sum(1 for error in errors if error <= self.tolerance),
            rounds=len(errors),
            half_width=errors[rank - 1] if 0 < rank <= len(errors) else None,
            version=self.version,
        )


class Past(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Past errors in short, as a receipt can hold them.

    Attributes:
        within: how many were within the tolerance.
        rounds: how many there were.
        half_width: the error of rank ceil((rounds + 1) coverage), or None if there are too few.
        version: names the history.
    """

    within: int = 0
    rounds: int = 0
    half_width: int | None = None
    version: str = ""


def median(values: Sequence[int]) -> Fraction:
    """Return the middle value, or the mean of the two in the middle."""
    return middle([Fraction(value) for value in values])


def median_of_means(values: Sequence[int]) -> Fraction:
    """Return the median of three means; of fewer values, their median.

    Value i goes to group i mod 3. The order is that of dispatch, fixed before any value was known:
    groups that depended on the values would let one replica choose its company.
    """
    groups = [values[start::GROUPS] for start in range(min(GROUPS, len(values)))]
    return middle([Fraction(sum(group), len(group)) for group in groups])


def trimmed_mean(values: Sequence[int]) -> Fraction:
    """Return the mean without the lowest and highest fifth, at least one of each from three on."""
    kept = trimmed(values)
    return Fraction(sum(kept), len(kept))


NUMERIC: Mapping[str, Callable[[Sequence[int]], Fraction]] = MappingProxyType(
    {MEDIAN: median, MEDIAN_OF_MEANS: median_of_means, TRIMMED_MEAN: trimmed_mean}
)
"""The strategies over scores, by name."""


def middle(values: Sequence[Fraction]) -> Fraction:
    """Return the median of rationals."""
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) * Fraction(1, 2)


def trimmed(values: Sequence[int]) -> list[int]:
    """Return the values in order without ceil(k / 5) at each end, all of them if k < 3."""
    drop = -(-len(values) // 5) if len(values) > 2 else 0  # noqa: PLR2004 -- as documented
    return sorted(values)[drop : len(values) - drop]


def rounded(value: Fraction) -> int:
    """Return the nearest integer, half to even."""
    return round(value)


def decide_scores(
    votes: Sequence[Vote],
    strategy: str,
    rules: Rules,
    scale: Scale,
    *,
    past: Past | None = None,
    correlation_bps: int | None = None,
) -> Decision:
    """Decide a round of scores.

    Agreement is the share of scores within the tolerance of the result, and confidence the
    probability that the right answer is: (past errors within it + 1) / (past errors + 2), or
    Laplace's rule on the votes below 25 past errors.

    Args:
        votes: one per executed replica.
        strategy: a key of `NUMERIC`.
        rules: what the caller fixed.
        scale: what scores mean.
        past: the past errors in short; by default from the scale.
        correlation_bps: mean error correlation of the replicas, or None if unknown.

    Raises:
        InvalidInput: for an empty round, a repeated index or an unknown status or strategy.
    """
    if strategy not in NUMERIC:
        raise InvalidInput(f"must be one of {', '.join(NUMERIC)}", field="consensus.strategy")
    rules.check()
    scored = [(vote.index, vote.value) for vote in cast_votes(votes) if vote.value is not None]
    cast = [(index, value) for index, value in scored if _is_within(value, scale.bounds)]
    counted = len(cast) if rules.non_votes == IGNORE else len(votes)
    result = rounded(NUMERIC[strategy]([value for _, value in cast])) if cast else 0
    near = [index for index, value in cast if abs(value - result) <= scale.tolerance]
    agreement = BPS * len(near) // counted if cast else 0
    strong = agreement < rules.threshold_bps or not near
    refused = not cast or (rules.policy == FAIL_HARD and strong)
    past = past if past is not None else scale.past(len(cast))
    method, confidence = _confidence(past, counted, len(near))
    winner = () if refused else tuple(near)
    return Decision(
        outcome=(NO_CONSENSUS if cast else FAILED) if refused else OK,
        equivalence=SCORE,
        policy=rules.policy,
        threshold_bps=rules.threshold_bps,
        replicas=len(votes),
        winner=winner,
        dissent=tuple(index for index, _ in cast if index not in winner),
        representative=None if refused else _nearest(cast, result),
        votes=_counts(len(near), len(cast) - len(near)),
        groups=tuple((index, NEAR if index in near else FAR) for index, _ in cast),
        non_votes=len(votes) - len(cast),
        agreement_bps=agreement,
        confidence_bps=0 if refused else confidence,
        strong_disagreement=strong,
        weighing=Weighing(strategy=strategy, correlation_bps=correlation_bps),
        calibration=method,
        n_eff_milli=(
            None if correlation_bps is None else effective_votes_milli(len(cast), correlation_bps)
        ),
        value=None if refused else result,
        interval=None if refused else _interval([value for _, value in cast], result, scale, past),
        non_vote_rule=rules.non_votes,
    )


def _is_within(value: int, bounds: tuple[int, int] | None) -> bool:
    return bounds is None or bounds[0] <= value <= bounds[1]


def _counts(near: int, far: int) -> dict[str, int]:
    return {label: count for label, count in ((NEAR, near), (FAR, far)) if count}


def _interval(values: Sequence[int], result: int, scale: Scale, past: Past) -> tuple[int, int]:
    """Return lowest and highest plausible score.

    With past errors enough: result -+ `half_width`, which holds the right answer in the stated
    share of rounds like the past ones, whatever the errors' distribution (split conformal
    prediction, Vovk et al. 2005). Otherwise the range of the scores, from five on without the
    trimmed ends, which states no coverage.
    """
    if past.half_width is not None:
        low, high = result - past.half_width, result + past.half_width
        if scale.bounds is not None:
            low, high = max(low, scale.bounds[0]), min(high, scale.bounds[1])
        return low, high
    kept = trimmed(values) if len(values) >= RANGE_TRIMS_FROM else sorted(values)
    return min(kept[0], result), max(kept[-1], result)


def _confidence(past: Past, counted: int, near: int) -> tuple[Calibrated, int]:
    if past.rounds < MIN_GOLD_ITEMS:
        return Calibrated(), laplace_confidence_bps(near, counted)
    method = Calibrated(
        method=RESIDUALS,
        n_history=past.rounds,
        version=past.version,
        right=past.within,
        rounds=past.rounds,
    )
    return method, BPS * (past.within + 1) // (past.rounds + 2)


def _nearest(cast: Sequence[tuple[int, int]], result: int) -> int:
    return min(cast, key=lambda one: (abs(one[1] - result), one[0]))[0]
