# SPDX-License-Identifier: Apache-2.0
"""Answers into groups, by medoid stars.

A likeness relation need not be transitive (A like B, B like C, A unlike C), so chains are not
groups: a chain of small steps can join opposites. A group here is a star: one answer, the medoid,
and the answers each like it. The largest star is taken first, then the largest among the rest.
Which star wins depends on the answers alone, not on the order of the replicas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.consensus.equivalence import EXACT, Rung, fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
    if len(answers) == 1:
        ((index, _),) = answers
        return [Group(label="0", members=(index,), representative=index)]
    folded = [(index, fold(text)) for index, text in answers]
    if relation.name == EXACT.name:
        return _equal(folded)
    order = [index for _, index in sorted((text, index) for index, text in folded)]
    return group_stars(order, _likeness(answers, relation))


def group_stars(order: Sequence[int], likeness: Mapping[tuple[int, int], int]) -> list[Group]:
    """Group replicas by how alike their answers are.

    Args:
        order: replica indices in order of their folded texts, then by index: what decides between
            medoids that are equal in all else.
        likeness: (index, other index), both ways round -> similarity in any one unit; pairs that
            are not one answer are left out.

    Returns:
        Groups numbered 0, 1, … by their lowest replica index.
    """
    place = {index: position for position, index in enumerate(order)}
    left = set(order)
    stars: list[tuple[tuple[int, ...], int]] = []
    while left:
        members, medoid = _largest_star(left, likeness, place)
        stars.append((members, medoid))
        left.difference_update(members)
    stars.sort(key=lambda star: star[0][0])
    return [
        Group(label=str(number), members=members, representative=medoid)
        for number, (members, medoid) in enumerate(stars)
    ]


def _equal(folded: Sequence[tuple[int, str]]) -> list[Group]:
    """Return the groups of equal texts: their stars are these, whichever is taken first."""
    members: dict[str, list[int]] = {}
    for index, text in sorted(folded):
        members.setdefault(text, []).append(index)
    return [
        Group(label=str(number), members=tuple(group), representative=group[0])
        for number, group in enumerate(members.values())
    ]


def _likeness(answers: Sequence[tuple[int, str]], relation: Rung) -> dict[tuple[int, int], int]:
    prepared = [(index, relation.prepare(text)) for index, text in answers]
    result: dict[tuple[int, int], int] = {}
    for position, (i, left) in enumerate(prepared):
        for j, right in prepared[position + 1 :]:
            similarity = relation.similarity(left, right)
            if similarity is not None:
                result[i, j] = result[j, i] = similarity
    return result


def _largest_star(
    left: set[int],
    likeness: Mapping[tuple[int, int], int],
    place: Mapping[int, int],
) -> tuple[tuple[int, ...], int]:
    """Return the star to take: most members, then most alike, then by text, then lowest index."""
    alike = {
        medoid: [other for other in left if other != medoid and (medoid, other) in likeness]
        for medoid in left
    }

    def rank(medoid: int) -> tuple[int, int, int]:
        others = alike[medoid]
        return -len(others), -sum([likeness[medoid, other] for other in others]), place[medoid]

    medoid = min(left, key=rank)
    return tuple(sorted([medoid, *alike[medoid]])), medoid
