# SPDX-License-Identifier: Apache-2.0
"""Answers into groups, by medoid stars.

A likeness relation need not be transitive (A like B, B like C, A unlike C), so chains are not
groups: a chain of small steps can join opposites. A group here is a star: one answer, the medoid,
and the answers each like it. The largest star is taken first, then the largest among the rest.
Which star wins depends on the answers alone, not on the order of the replicas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.consensus.equivalence import ONE, Rung, fold

if TYPE_CHECKING:
    from collections.abc import Sequence


class Group(NamedTuple):
    """Replicas that gave the same answer.

    Attributes:
        label: the verdict, or the group's number as text.
        members: replica indices, ascending.
        representative: the member whose answer stands for the group.
    """

    label: str
    members: tuple[int, ...]
    representative: int


def group_answers(answers: Sequence[tuple[int, str]], relation: Rung) -> list[Group]:
    """Group (index, text) pairs.

    Returns:
        Groups numbered 0, 1, … by their lowest replica index.
    """
    likeness = _likeness(answers, relation)
    folded = {index: fold(text) for index, text in answers}
    left = set(folded)
    stars: list[tuple[tuple[int, ...], int]] = []
    while left:
        members, medoid = _largest_star(left, likeness, folded)
        stars.append((members, medoid))
        left.difference_update(members)
    stars.sort(key=lambda star: star[0][0])
    return [
        Group(label=str(number), members=members, representative=medoid)
        for number, (members, medoid) in enumerate(stars)
    ]


def _likeness(answers: Sequence[tuple[int, str]], relation: Rung) -> dict[tuple[int, int], int]:
    prepared = [(index, relation.prepare(text)) for index, text in answers]
    result = {(index, index): ONE for index, _ in prepared}
    for position, (i, left) in enumerate(prepared):
        for j, right in prepared[position + 1 :]:
            similarity = relation.similarity(left, right)
            if similarity is not None:
                result[i, j] = result[j, i] = similarity
    return result


def _largest_star(
    left: set[int],
    likeness: dict[tuple[int, int], int],
    folded: dict[int, str],
) -> tuple[tuple[int, ...], int]:
    """Return the star to take: most members, then most alike, then by text, then lowest index."""

    def rank(medoid: int) -> tuple[int, int, str, int]:
        star = [j for j in left if (medoid, j) in likeness]
        total = sum(likeness[medoid, j] for j in star)
        return (-len(star), -total, folded[medoid], medoid)

    medoid = min(left, key=rank)
    return tuple(sorted(j for j in left if (medoid, j) in likeness)), medoid
