# SPDX-License-Identifier: Apache-2.0
"""After an epoch is final: everybody is paid, run by run, and levels are brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.rewards import FINAL
from cortensor.epochs.runs import RUN_DEPTH
from cortensor.epochs.syncing import Part, cheapest
from cortensor.epochs.tree_file import address, leaf_tuple
from cortensor.errors import Unavailable
from cortensor.rewards.words import possible_facts

if TYPE_CHECKING:
    from cortensor.epochs.job import Job
    from cortensor.epochs.observing import RewardChain
    from cortensor.epochs.runs import Runs
    from cortensor.epochs.sending import Sending
    from cortensor.rewards.sum_tree import Leaf

ADDRESS_BITS = 160


class Payer:
    """Pays for one service; nothing is owed where its job leaves that to others.

    Args:
        job: whether it pays.
        chain: what is read.
        runs: of final epochs.
        sending: sends.
    """

    def __init__(self, job: Job, chain: RewardChain, runs: Runs, sending: Sending) -> None:
        self._pays = job.pays
        self._chain = chain
        self._runs = runs
        self._sending = sending

    def runs(self, epoch: int) -> list[int]:
        """Return the first leaves of the runs to pay; none of an epoch that is not final."""
        return self._owed(epoch, self._chain.observer.head().number)

    def pay(self, epoch: int, start: int) -> str:
        """Pay a run of leaves, unless all that it allots is; returns a line of what was done."""
        if start not in self._owed(epoch, self._chain.observer.head().number, start):
            return f"nothing is owed from leaf {start} on"
        run = self._runs.run(epoch, start)
        rewards = self._chain.rewards
        data = rewards.data("pay", *run.arguments)
        self._sending.send(f"pay/{epoch}/{start}", rewards.address, data)
        if self._owed(epoch, self._chain.observer.head().number, start):
            raise Unavailable(f"the run from leaf {start} is not paid", code="not_done")
        return f"leaves {start} to {run.last}: {run.wei} wei"

    def moves(self, epoch: int) -> list[Part]:
        """Return what to sync: leaves whose node has another level in the register, and no newer.

        Where many are side by side, runs with others between them are cheaper.
        """
        behind = self._moved(epoch, self._chain.observer.head().number)
        if not behind:
            return []
        tree = self._runs.tree(epoch)

        def may_run(part: Part) -> bool:
            return all(map(_names_addresses, tree.leaves[part.first : part.first + part.size]))

        return cheapest(behind, len(tree.leaves), min(RUN_DEPTH, tree.depth), may_run)

    def sync(self, epoch: int, part: Part) -> str:
        """Bring the levels of some nodes up to an epoch's, unless they are."""
        said = f"levels of leaves {part.first} to {part.first + part.size - 1}"
        if not self._moved(epoch, self._chain.observer.head().number, part):
            return f"{said} are not behind"
        tree, register = self._runs.tree(epoch), self._chain.register
        leaves = [leaf_tuple(leaf) for leaf in tree.leaves[part.first : part.first + part.size]]
        height = (len(leaves) - 1).bit_length()
        proof = tree.proof(part.first >> height, height)
        data = register.sync_data(epoch, part.first, leaves, proof)
        self._sending.send(f"sync/{epoch}/{part.first}/{part.size}", register.address, data)
        if self._moved(epoch, self._chain.observer.head().number, part):
            raise Unavailable(f"{said} are not synced", code="not_done")
        return f"{said} are synced"

    def is_done(self, epoch: int, block: int) -> bool:
        """Return whether an epoch is final, and a block left nothing to pay and no level behind."""
        return (
            self._chain.rewards.epoch(epoch, block).state >= FINAL
            and not self._owed(epoch, block)
            and not self._moved(epoch, block)
        )

    def _owed(self, epoch: int, block: int, only: int | None = None) -> list[int]:
        if not self._pays or self._chain.rewards.epoch(epoch, block).state != FINAL:
            return []
        return self._runs.unpaid(epoch, block, only)

    def _moved(self, epoch: int, block: int, only: Part | None = None) -> list[int]:
        """Return the leaves, of all or of a part, whose node had another level at a block.

        And no newer one.

        Not of those that name no node or say what cannot be: the register refuses them.
        """
        if not self._pays or self._chain.rewards.epoch(epoch, block).state < FINAL:
            return []
        leaves = self._runs.tree(epoch).leaves
        first, size = only or Part(0, len(leaves))
        said = {
            index: (address(leaf.node), facts.level_after)
            for index, leaf in enumerate(leaves[first : first + size], first)
            if (facts := possible_facts(leaf.facts, leaf.tally)) and _names_addresses(leaf)
        }
        known = self._chain.register.levels([node for node, _ in said.values()], block)
        return [
            index
            for (index, (_, level)), had in zip(said.items(), known, strict=True)
            if had.epoch < epoch and level != had.level
        ]


def _names_addresses(leaf: Leaf) -> bool:
    return not (leaf.operator >> ADDRESS_BITS or leaf.node >> ADDRESS_BITS)
