# SPDX-License-Identifier: Apache-2.0
"""Who is in an epoch: the nodes registered for the whole of it, in the order of the leaves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ADDRESS_BYTES = 20
_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


class Node(NamedTuple):
    """A registered node; addresses as integers. `is_staked` is what StakePool says of it."""

    operator: int
    node: int
    is_staked: bool


class Prior(NamedTuple):
    """What a node's leaf in the last final epoch says; a node without one starts from zeros."""

    level: int = 0
    streak: int = 0
    rate_bps: int | None = None


Priors: TypeAlias = dict[tuple[int, int], Prior]
"""(operator, node) -> Prior, as contracts prove it: under another operator a node begins anew."""


class Roster:
    """The epoch's nodes; a node's index is its leaf's.

    Attributes:
        nodes: sorted by (operator, node).
        operators: addresses, ascending.
        operator_of: node index -> operator index.

    Raises:
        InvalidInput: for a node twice, under one operator or two, or what is no address.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes = sorted(nodes)
        self._index = {entry.node: index for index, entry in enumerate(self.nodes)}
        if len(self._index) != len(self.nodes):
            raise InvalidInput("must not hold a node twice", field="roster")
        for entry in self.nodes:
            if not (0 < entry.node < 1 << 160 and 0 < entry.operator < 1 << 160):
                raise InvalidInput("must hold addresses", field="roster")
        self.operators = sorted({entry.operator for entry in self.nodes})
        place = {operator: index for index, operator in enumerate(self.operators)}
        self.operator_of = [place[entry.operator] for entry in self.nodes]

    def __len__(self) -> int:
        return len(self.nodes)

    def index_of(self, miner: str | None) -> int | None:
        """Return the index of the node that a receipt names, or None if it names none of these."""
        if miner is None or not _ADDRESS.fullmatch(miner):
            return None
        return self._index.get(int(miner, 16))

    def moved_from(self, other: Roster) -> Mapping[int, int]:
        """Return where another epoch's nodes are in this one: index there -> index here."""
        return {
            index: self._index[entry.node]
            for index, entry in enumerate(other.nodes)
            if entry.node in self._index
        }

    def to_bytes(self) -> bytes:
        """Return 41 bytes a node: operator, node, 1 if staked."""
        return b"".join(
            operator.to_bytes(ADDRESS_BYTES, "big")
            + node.to_bytes(ADDRESS_BYTES, "big")
            + bytes([is_staked])
            for operator, node, is_staked in self.nodes
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Roster:
        """Read what `to_bytes` wrote. Raises InvalidInput if it did not."""
        size = 2 * ADDRESS_BYTES + 1
        if len(data) % size:
            raise InvalidInput(f"must be {size} bytes a node", field="roster")
        nodes = [
            Node(
                int.from_bytes(data[at : at + ADDRESS_BYTES], "big"),
                int.from_bytes(data[at + ADDRESS_BYTES : at + size - 1], "big"),
                bool(data[at + size - 1]),
            )
            for at in range(0, len(data), size)
        ]
        roster = cls(nodes)
        if roster.to_bytes() != data:
            raise InvalidInput("must be sorted, with flags 0 or 1", field="roster")
        return roster
