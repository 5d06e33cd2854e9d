# SPDX-License-Identifier: Apache-2.0
"""Whose level the register is told of a final epoch, whatever its leaves say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cortensor.chain.node_register import NodeLevel
from cortensor.chain.rewards import FINAL
from cortensor.epochs.paying import Payer
from cortensor.epochs.syncing import Part
from cortensor.epochs.tree_file import address
from cortensor.rewards.sum_tree import Leaf
from cortensor.rewards.words import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

EPOCH = 7


def leaf(number: int, level: int, **words: int) -> Leaf:
    made = Leaf(1, number, Facts(level_after=level).pack(), 0, 0)
    return made._replace(**words)


def payer(leaves: Sequence[Leaf], known: dict[int, NodeLevel]) -> Payer:
    """A payer of one final epoch; `known` is what the register has of some nodes."""
    by_node = {address(node): level for node, level in known.items()}

    def levels(nodes: Sequence[str], _block: int) -> list[NodeLevel]:
        assert all(len(node) == len(address(0)) for node in nodes), "no address"
        return [by_node.get(node, NodeLevel(0, 0, 0)) for node in nodes]

    chain: Any = SimpleNamespace(
        rewards=SimpleNamespace(epoch=lambda *_: SimpleNamespace(state=FINAL)),
        register=SimpleNamespace(levels=levels),
        observer=SimpleNamespace(head=lambda: SimpleNamespace(number=1)),
    )
    runs: Any = SimpleNamespace(tree=lambda _: SimpleNamespace(leaves=leaves, depth=3))
    job: Any = SimpleNamespace(pays=True)
    sending: Any = None
    return Payer(job, chain, runs, sending)


def test_nodes_with_another_level_and_no_newer_one() -> None:
    leaves = [leaf(number, level=3) for number in range(1, 5)]
    known = {1: NodeLevel(3, 9, 1), 2: NodeLevel(2, 0, 6), 3: NodeLevel(2, 0, EPOCH)}
    assert payer(leaves, known).moves(EPOCH) == [Part(0, 4)], "a run of four is cheaper than two"
    assert payer(leaves[:2], known).moves(EPOCH) == [Part(1, 1)]
    known |= {4: NodeLevel(3, 0, 1)}
    assert payer(leaves, known).moves(EPOCH) == [Part(1, 1)]


def test_a_leaf_of_the_stay_before_moves_nothing() -> None:
    """A new stay has a level of 0, of an epoch that is newer than any leaf of the one before."""
    assert payer([leaf(1, level=3)], {1: NodeLevel(0, 0, EPOCH + 1)}).moves(EPOCH) == []


def test_a_leaf_that_cannot_be_moves_nothing_and_stops_nothing() -> None:
    """Only a root that nobody challenged has such leaves; the register would refuse them."""
    leaves = [
        leaf(1, 3, facts=11 << 8),
        leaf(2, 3, tally=1 << 224),
        leaf(3, 3, facts=2**256 - 1),
        leaf(4, 3, operator=1 << 160),
        leaf(1 << 160, 3),
        leaf(5, 3),
    ]
    assert payer(leaves, {}).moves(EPOCH) == [Part(5, 1)]
