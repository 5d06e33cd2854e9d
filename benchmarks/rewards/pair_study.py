# SPDX-License-Identifier: Apache-2.0
"""How soon the pair test flags those who copy, or answer as one, and how often it does at all."""

from __future__ import annotations

from statistics import median_low
from typing import TYPE_CHECKING

import msgspec

from benchmarks.rewards.network import BPS, Machine, network_of, run_epoch
from cortensor.rewards.collusion import contested, find_pairs, window
from cortensor.rewards.records import joined

if TYPE_CHECKING:
    import polars as pl

TASKS = 600
EPOCHS = 24


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """Of networks with a copier, or a ring of four.

    Attributes:
        found: networks in which a guilty pair was flagged.
        median_shared: contested tasks the pair had shared by then, in half of those.
        median_epochs: epochs that took.
        later_right: copier's pairs of which the copier was named.
        innocent: flagged pairs of which neither node was guilty.
    """

    networks: int
    found: int
    median_shared: int
    median_epochs: int
    later_right: int
    innocent: int


def power(
    cheat: str, operators: int, networks: int, *, epochs: int = EPOCHS, copy_bps: int = BPS
) -> Power:
    """Try so many networks with a copier (machine 1, of machine 0) or a ring of four.

    Args:
        cheat: "copier" or "ring".
        operators: of one machine each.
        networks: how many.
        epochs: after which it has not been found.
        copy_bps: in how many of the tasks it could copy the copier does.
    """
    is_copier = cheat == "copier"
    guilty = range(2 if is_copier else 4)
    shared, spans, right, innocent = [], [], 0, 0
    for seed in range(networks):
        machines = [Machine(operator=number) for number in range(operators)]
        for number in guilty:
            if not is_copier:
                machines[number] = Machine(operator=number, ring=1)
            elif number:
                machines[number] = Machine(operator=number, copies=(0,), copy_bps=copy_bps)
        network = network_of(machines)
        bad = {network.places[number][0] for number in guilty}
        frames: list[pl.DataFrame] = []
        for epoch in range(epochs):
            frames = window([*frames, contested(run_epoch(network, epoch, TASKS, seed))])
            pairs = find_pairs(joined(frames)).pairs
            innocent += sum(not bad & {pair.node, pair.other} for pair in pairs)
            caught = [pair for pair in pairs if {pair.node, pair.other} <= bad]
            if caught:
                shared.append(caught[0].shared)
                spans.append(epoch + 1)
                right += is_copier and caught[0].later == network.places[1][0]
                break
    return Power(
        networks=networks,
        found=len(spans),
        median_shared=median_low(shared) if shared else 0,
        median_epochs=median_low(spans) if spans else 0,
        later_right=right,
        innocent=innocent,
    )
