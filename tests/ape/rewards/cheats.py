# SPDX-License-Identifier: Apache-2.0
"""Wrong trees of an epoch that the scripted run has none of: places, entries, levels, counts."""

from __future__ import annotations

import msgspec

from cortensor.epochs.tree_file import Entry, rows_of
from cortensor.receipts.keccak import keccak256
from cortensor.rewards.epoch import make_leaves
from cortensor.rewards.words import Tally
from scripts._rewards.cheating import Wrong


def empty_place(_inputs, result):
    """Nothing where the second of two leaves must be."""
    leaves = list(result.leaves)
    rows = rows_of(leaves)
    rows[0][1] = Entry(bytes(32), 0)
    rows[1] = [_parent(*rows[0])]
    return Wrong("nothing where a leaf must be", "challenge_padding", leaves, rows)


def uncounted(_inputs, result):
    """A leaf that pays a wei which no sum of the tree has."""
    leaves = list(result.leaves)
    counted = leaves[0].sums
    leaves[0] = leaves[0]._replace(sums=counted + 1)
    rows = rows_of(leaves)
    rows[0][0] = Entry(leaves[0].hash(), counted)
    rows[1] = [_parent(*rows[0])]
    return Wrong("a leaf that no sum has", "challenge_leaf_sum", leaves, rows)


def begun(inputs, result, proof):
    """A node that begins with a streak, out of nothing or other than the last epoch ended."""
    facts = list(result.facts)
    streak = facts[0].streak_before + 1
    facts[0] = msgspec.structs.replace(facts[0], streak_before=streak)
    work = [Tally.unpack(leaf.tally).work for leaf in result.leaves]
    leaves = make_leaves(inputs.card, inputs.roster, facts, work, inputs.budget)
    return Wrong("a streak that does not follow", proof, leaves)


def _parent(left, right):
    return Entry(keccak256(left.to_bytes() + right.to_bytes()), left.sums + right.sums)
