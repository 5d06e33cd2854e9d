# SPDX-License-Identifier: Apache-2.0
"""From gold items to what rules weigh by: records, error correlation, confusion counts.

All of it is counting, so that a verifier with the same history gets the same numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from cortensor.consensus.dependence import Correlation, Origin, relation
from cortensor.consensus.ensemble import EnsembleModel
from cortensor.consensus.fixed_point import BPS, MICRO, isqrt
from cortensor.consensus.reputation import Record
from cortensor.consensus.vote import Vote  # noqa: TC001 -- msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class GoldItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question whose right answer is known, with the votes of those who were asked."""

    votes: tuple[Vote, ...]
    right: str


def records_of(items: Iterable[GoldItem]) -> dict[str, Record]:
    """Return rater -> record; every vote on a gold item is audited. A non-vote is no error."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for item in items:
        for vote in item.votes:
            if vote.rater is not None and vote.label is not None:
                total[vote.rater] += 1
                right[vote.rater] += vote.label == item.right
    return {
        rater: Record(right=right[rater], total=count, audited=count)
        for rater, count in total.items()
    }


def correlation_of(items: Sequence[GoldItem]) -> Correlation:
    """Return the error correlation (phi) of raters by what they share.

    Covariances and standard deviations of all pairs of one relation are summed before they are
    divided, so that pairs with many items in common count more. A relation that no pair has keeps
    its default; a negative correlation counts as none.
    """
    wrong: dict[str, dict[int, int]] = defaultdict(dict)
    origins: dict[str, Origin] = {}
    for number, item in enumerate(items):
        for vote in item.votes:
            if vote.rater is not None and vote.label is not None:
                wrong[vote.rater][number] = int(vote.label != item.right)
                origins[vote.rater] = Origin(model=vote.model, prompt=vote.prompt)
    together: Counter[str] = Counter()
    apart: Counter[str] = Counter()
    for left, right in combinations(sorted(wrong), 2):
        shared = relation(origins[left], origins[right])
        covariance, deviation = _moments(wrong[left], wrong[right])
        together[shared] += covariance
        apart[shared] += deviation
    measured = {
        f"{name}_bps": min(BPS, max(0, BPS * together[name] // size))
        for name, size in apart.items()
        if size > 0
    }
    return Correlation(**measured)


def _moments(left: Mapping[int, int], right: Mapping[int, int]) -> tuple[int, int]:
    """Return n cov and n sd sd of two 0/1 series on their common items, in millionths."""
    common = left.keys() & right.keys()
    count = len(common)
    if count < 2:  # noqa: PLR2004 -- one item has no variance
        return 0, 0
    a = sum(left[number] for number in common)
    b = sum(right[number] for number in common)
    both = sum(left[number] * right[number] for number in common)
    product = a * (count - a) * b * (count - b)
    return MICRO * (count * both - a * b) // count, isqrt(product * MICRO * MICRO) // count


def model_of(items: Sequence[GoldItem], labels: Sequence[str], version: str = "") -> EnsembleModel:
    """Return the confusion counts of all raters.

    Args:
        items: gold items; one whose right answer is not among the labels is left out.
        labels: all labels there are.
        version: names the history.
    """
    counts = dict.fromkeys(labels, 0)
    raters: dict[str, dict[str, dict[str, int]]] = {}
    for item in items:
        if item.right not in counts:
            continue
        counts[item.right] += 1
        for vote in item.votes:
            if vote.rater is not None and vote.label in counts:
                row = raters.setdefault(vote.rater, {}).setdefault(item.right, {})
                row[vote.label] = row.get(vote.label, 0) + 1
    return EnsembleModel(items=counts, raters=raters, version=version)
