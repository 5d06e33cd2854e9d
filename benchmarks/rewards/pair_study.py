# SPDX-License-Identifier: Apache-2.0
"""How often the pair test flags honest nodes, and how soon it flags those that are not."""

from __future__ import annotations

from statistics import median_low
from typing import TYPE_CHECKING

import msgspec

from benchmarks.rewards.network import Machine, network_of, run_epoch
from cortensor.rewards.collusion import contested, find_pairs
from cortensor.rewards.records import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.rewards.collusion import PairTest

TASKS = 600


def alike() -> list[Machine]:
    """Twenty equal machines."""
    return [Machine(operator=number) for number in range(20)]


def unlike() -> list[Machine]:
    """Twenty from hardly better than a coin to very good."""
    return [Machine(operator=number, right_bps=6_000 + 190 * number) for number in range(20)]


def kin() -> list[Machine]:
    """Twenty over four models, each of which errs as one on a fifth of the hard tasks."""
    return [
        Machine(operator=number, models=1, first_model=number % 4, kin_bps=2_000)
        for number in range(20)
    ]


def close_kin() -> list[Machine]:
    """The same, on three of five hard tasks: more than the test allows a model."""
    return [msgspec.structs.replace(machine, kin_bps=6_000) for machine in kin()]


HONEST = {"alike": alike, "unlike quality": unlike, "same models": kin, "close kin": close_kin}


class FalsePositives(msgspec.Struct, frozen=True, kw_only=True):
    """Of honest networks: how many there were, in how many a pair was flagged, and of pairs."""

    networks: int
    networks_flagged: int
    pairs: int
    pairs_flagged: int


def false_positives(kind: str, networks: int, epochs: int = 8) -> FalsePositives:
    """Try so many honest networks of a kind."""
    tests = [_test(HONEST[kind](), epochs, seed) for seed in range(networks)]
    return FalsePositives(
        networks=networks,
        networks_flagged=sum(bool(test.pairs) for test in tests),
        pairs=sum(test.tested for test in tests),
        pairs_flagged=sum(len(test.pairs) for test in tests),
    )


def _test(machines: Sequence[Machine], epochs: int, seed: int) -> PairTest:
    network = network_of(machines)
    frames = [contested(run_epoch(network, epoch, TASKS, seed)) for epoch in range(epochs)]
    return find_pairs(joined(frames))


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


def power(cheat: str, operators: int, networks: int, epochs: int = 24) -> Power:
    """Try so many networks with a copier (machine 1, of machine 0) or a ring of four."""
    is_copier = cheat == "copier"
    guilty = range(2 if is_copier else 4)
    shared, spans, right, innocent = [], [], 0, 0
    for seed in range(networks):
        machines = [Machine(operator=number) for number in range(operators)]
        for number in guilty:
            change = {"copies": 0} if is_copier and number else {"ring": 0 if is_copier else 1}
            machines[number] = msgspec.structs.replace(machines[number], **change)
        network = network_of(machines)
        bad = {network.places[number][0] for number in guilty}
        frames = []
        for epoch in range(epochs):
            frames.append(contested(run_epoch(network, epoch, TASKS, seed)))
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
