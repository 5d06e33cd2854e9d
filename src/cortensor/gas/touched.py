# SPDX-License-Identifier: Apache-2.0
"""What a transaction has touched so far: warm accounts and slots, values, the refund counter.

A frame that fails takes all of it back (EIP-2929 too), so each change is noted with its undoing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Place = tuple[str, int]


class Touched:
    """The state of a transaction's accesses.

    Args:
        accounts: addresses that are warm from the start, in lower case.
        places: warm storage, as address and slot.
        originals: storage before the transaction; what is not in it was 0.
    """

    def __init__(
        self, accounts: Iterable[str], places: Iterable[Place], originals: Mapping[Place, int]
    ) -> None:
        self._accounts = set(accounts)
        self._places = set(places)
        self._originals = originals
        self._values: dict[Place, int] = {}
        self.refund = 0
        self._undo: list[Callable[[], object]] = []

    def account(self, address: str) -> bool:
        """Touch an account; return whether it was cold."""
        if address in self._accounts:
            return False
        self._accounts.add(address)
        self._undo.append(lambda: self._accounts.discard(address))
        return True

    def place(self, place: Place) -> bool:
        """Touch a slot; return whether it was cold."""
        if place in self._places:
            return False
        self._places.add(place)
        self._undo.append(lambda: self._places.discard(place))
        return True

    def original(self, place: Place) -> int:
        """Return a slot's value before the transaction."""
        return self._originals.get(place, 0)

    def value(self, place: Place) -> int:
        """Return a slot's value now."""
        return self._values.get(place, self.original(place))

    def write(self, place: Place, value: int, refund: int) -> None:
        """Change a slot's value, and the refund counter by so much."""
        before = self.value(place)
        self._values[place] = value
        self.refund += refund

        def undo() -> None:
            self._values[place] = before
            self.refund -= refund

        self._undo.append(undo)

    def mark(self) -> int:
        """Return a mark to go back to."""
        return len(self._undo)

    def back_to(self, mark: int) -> None:
        """Undo all since a mark."""
        while len(self._undo) > mark:
            self._undo.pop()()
