# SPDX-License-Identifier: Apache-2.0
"""Leaves of a batch that is being checked, seen beside those that are stored."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cortensor.watch.checks import Known
    from cortensor.watch.leaves import Leaf


PER_PLACE = 2
"""Leaves kept of an index, and of a repeated word: enough for a proof, and a batch made of
repeats costs no more to check than another."""


class Beside:
    """The leaves added here, with all that `known` has. Fills `cortensor.watch.checks.Known`.

    Args:
        known: what was there before; None for nothing.
    """

    def __init__(self, known: Known | None = None) -> None:
        self._known = known
        self._places: dict[tuple[int, int], list[Leaf]] = defaultdict(list)
        self._repeats: dict[tuple[int, str, bytes], list[Leaf]] = defaultdict(list)

    def add(self, leaf: Leaf) -> None:
        """Take in a leaf."""
        place = self._places[leaf.session, leaf.index]
        if len(place) < PER_PLACE and all(other.hashed != leaf.hashed for other in place):
            place.append(leaf)
        for kind, word in _words(leaf):
            lowest = self._repeats[leaf.session, kind, word]
            if all(other.index != leaf.index for other in lowest):
                lowest.append(leaf)
                lowest.sort(key=lambda other: other.index)
                del lowest[PER_PLACE:]

    def at(self, session: int, index: int) -> list[Leaf]:
        """Return the leaves at an index of a session."""
        before = list(self._known.at(session, index)) if self._known is not None else []
        return before + self._places.get((session, index), [])

    def repeats(self, leaf: Leaf) -> list[Leaf]:
        """Return leaves of its session at other indexes with its receipt id or commitment."""
        found = list(self._known.repeats(leaf)) if self._known is not None else []
        for kind, word in _words(leaf):
            lowest = self._repeats.get((leaf.session, kind, word), ())
            found += [other for other in lowest if other.index != leaf.index]
        return sorted(found, key=lambda other: other.index)


def _words(leaf: Leaf) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    return ("receipt", leaf.receipt.receipt_id), ("request", leaf.receipt.request_commitment)
