# SPDX-License-Identifier: Apache-2.0
"""Seven wrong trees of an epoch, each wrong in one way, and one whose facts are invented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from cortensor.chain.rewards import Header
from cortensor.epochs.tree_file import Entry, encode, rows_of
from cortensor.receipts.keccak import keccak256
from cortensor.rewards.epoch import EpochInputs, EpochResult, make_leaves
from cortensor.rewards.formula import amount_of
from cortensor.rewards.roster import Node, Roster
from cortensor.rewards.sum_tree import Leaf
from cortensor.rewards.words import HALF, HALF_BITS, Facts, Sums, Tally
from scripts._rewards.network import Network


class Wrong(NamedTuple):
    """A wrong tree: what is wrong, the proof that shows it, and the tree."""

    name: str
    proof: str
    leaves: list[Leaf]
    rows: list[list[Entry]] | None = None

    @property
    def top(self) -> Entry:
        """What is posted of it."""
        return (self.rows or rows_of(self.leaves))[-1][0]


def wrong_trees(inputs: EpochInputs, result: EpochResult) -> list[Wrong]:
    """Return the seven, from the epoch's right leaves."""
    makers: list[Callable[[EpochInputs, EpochResult], Wrong]] = [
        _formula,
        _sum,
        _unsorted,
        _unregistered,
        _left_out,
        _over_cap,
        _over_budget,
    ]
    return [make(inputs, result) for make in makers]


def invented(inputs: EpochInputs, result: EpochResult) -> Wrong:
    """Return a tree that follows every rule from work that no receipt shows."""
    work = [Tally.unpack(leaf.tally).work for leaf in result.leaves]
    work[0] *= 2
    leaves = make_leaves(inputs.card, inputs.roster, result.facts, work, inputs.budget)
    return Wrong("facts no receipt gives", "veto", leaves)


def post(
    network: Network, epoch: int, wrong: Wrong, inputs_hash: bytes, shared: Path, url: str
) -> Header:
    """Post a wrong tree with the cheat's bond, published like a right one."""
    cheat = network.cast.cheat
    network.bond(cheat)
    name = wrong.name.replace(" ", "-")
    (shared / name).mkdir(parents=True, exist_ok=True)
    (shared / name / "tree.bin").write_bytes(encode(wrong.leaves, wrong.rows))
    top = wrong.top
    header = Header(top.hashed, top.sums, len(wrong.leaves), inputs_hash, cheat.address)
    call = network.reward.functions.post(
        epoch, header.root, header.sums, header.count, inputs_hash, f"{url}/{name}"
    )
    network.chain.send(cheat, call)
    return header


def is_slashed(network: Network) -> bool:
    """Return whether the cheat's bond is gone."""
    held, _ = network.reward.functions.bond(network.cast.cheat.address).call()
    return bool(held < network.bond_wei)


def _formula(_inputs: EpochInputs, result: EpochResult) -> Wrong:
    # The best-paid node gets one wei less, and another one more.
    leaves = list(result.leaves)
    best = max(range(len(leaves)), key=lambda place: leaves[place].sums & HALF)
    other = (best + 1) % len(leaves)
    leaves[best] = leaves[best]._replace(sums=leaves[best].sums - 1)
    leaves[other] = leaves[other]._replace(sums=leaves[other].sums + 1)
    return Wrong("an amount that the formula does not give", "challenge_formula", leaves)


def _sum(_inputs: EpochInputs, result: EpochResult) -> Wrong:
    # A node above the leaves says one wei less than its children add up to.
    rows = [list(row) for row in rows_of(result.leaves)]
    rows[1][0] = rows[1][0]._replace(sums=rows[1][0].sums - 1)
    for height in range(2, len(rows)):
        below = rows[height - 1]
        rows[height] = [_parent(below[at], below[at + 1]) for at in range(0, len(below), 2)]
    return Wrong("sums that do not add up", "challenge_sum", list(result.leaves), rows)


def _unsorted(_inputs: EpochInputs, result: EpochResult) -> Wrong:
    leaves = list(result.leaves)
    leaves[0], leaves[1] = leaves[1], leaves[0]
    return Wrong("leaves that do not rise", "challenge_order", leaves)


def _unregistered(inputs: EpochInputs, result: EpochResult) -> Wrong:
    stranger = Leaf(1, 2, Facts(uptime_bps=10_000).pack(), Tally().pack(), 0)
    del inputs
    return Wrong("a node nobody registered", "challenge_unregistered", [stranger, *result.leaves])


def _left_out(inputs: EpochInputs, result: EpochResult) -> Wrong:
    roster = Roster(Node(*entry) for entry in inputs.roster.nodes[1:])
    work = [Tally.unpack(leaf.tally).work for leaf in result.leaves[1:]]
    leaves = make_leaves(inputs.card, roster, result.facts[1:], work, inputs.budget)
    return Wrong("a node that is left out", "challenge_left_out", leaves)


def _over_cap(inputs: EpochInputs, result: EpochResult) -> Wrong:
    # Each leaf of an operator says that he has no other node, so that no cap binds him.
    total = result.sums.score
    first = result.leaves[0].operator
    leaves = []
    for leaf in result.leaves:
        if leaf.operator == first:
            score = leaf.sums >> HALF_BITS
            tally = msgspec.structs.replace(Tally.unpack(leaf.tally), operator_score=score)
            amount = amount_of(inputs.card, inputs.budget, score, score, total)
            sums = Sums(amount=amount, score=score).pack()
            leaves.append(leaf._replace(tally=tally.pack(), sums=sums))
        else:
            leaves.append(leaf)
    return Wrong("an operator over the cap", "challenge_operator", leaves)


def _over_budget(inputs: EpochInputs, result: EpochResult) -> Wrong:
    leaves = list(result.leaves)
    more = inputs.budget - result.sums.amount + 1
    leaves[0] = leaves[0]._replace(sums=leaves[0].sums + more)
    return Wrong("more than the budget", "challenge_budget", leaves)


def _parent(left: Entry, right: Entry) -> Entry:
    return Entry(keccak256(left.to_bytes() + right.to_bytes()), left.sums + right.sums)
