# SPDX-License-Identifier: Apache-2.0
"""How often the pair test flags honest nodes, once and over many epochs, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from benchmarks.rewards.network import Machine, network_of, run_epoch
from benchmarks.rewards.pair_study import TASKS as PAIR_TASKS
from benchmarks.rewards.study import CARD, EPOCHS, SEED, TASKS, amounts_of, gain_bps, inputs_of
from cortensor.rewards import RewardCard
from cortensor.rewards.collusion import WINDOW_EPOCHS, Pair, contested, find_pairs, window
from cortensor.rewards.epoch import facts_of, make_leaves, prior_of
from cortensor.rewards.metrics import measure
from cortensor.rewards.records import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from cortensor.rewards.roster import Priors


OPERATORS = 20
MODELS = 4
ONCE_EPOCHS = 8


def alike(operators: int = OPERATORS) -> list[Machine]:
    """Equal machines."""
    return [Machine(operator=number) for number in range(operators)]


def unlike(operators: int = OPERATORS) -> list[Machine]:
    """From hardly better than a coin to very good."""
    return [
        Machine(operator=number, right_bps=6_000 + 3_800 * number // operators)
        for number in range(operators)
    ]


def kin(operators: int = OPERATORS, kin_bps: int = 2_000) -> list[Machine]:
    """Over four models, each of which errs as one on a fifth of the hard tasks."""
    return [
        Machine(operator=number, models=1, first_model=number % MODELS, kin_bps=kin_bps)
        for number in range(operators)
    ]


def close_kin(operators: int = OPERATORS) -> list[Machine]:
    """The same, on three of five hard tasks: more than the test allows a model."""
    return kin(operators, 6_000)


def closer_kin(operators: int = OPERATORS) -> list[Machine]:
    """The same, on four of five."""
    return kin(operators, 8_000)


def clones(operators: int = OPERATORS) -> list[Machine]:
    """The same, on all: what no test can tell from copying but by time."""
    return kin(operators, 10_000)


HONEST = {
    "alike": alike,
    "unlike quality": unlike,
    "same models": kin,
    "close kin": close_kin,
    "closer kin": closer_kin,
    "clones": clones,
}


class FalseFlags(msgspec.Struct, frozen=True, kw_only=True):
    """Of honest networks: how many there were, in how many a pair was flagged, and of pairs.

    Attributes:
        networks: how many.
        networks_flagged: those with a flagged pair, in any epoch.
        pairs: tested ones, each once.
        pairs_flagged: of those, in any epoch.
        times_flagged: the same, each as often as it was flagged.
    """

    networks: int = 0
    networks_flagged: int = 0
    pairs: int = 0
    pairs_flagged: int = 0
    times_flagged: int = 0


def once(kind: str, networks: int) -> FalseFlags:
    """Test so many honest networks of a kind once, after eight epochs."""
    flags = FalseFlags()
    for seed in range(networks):
        network = network_of(HONEST[kind]())
        frames = [
            contested(run_epoch(network, epoch, PAIR_TASKS, seed)) for epoch in range(ONCE_EPOCHS)
        ]
        test = find_pairs(joined(frames))
        flags = _more(flags, test.tested, [test.pairs])
    return flags


def again(
    kind: str, networks: int, *, operators: int = OPERATORS, epochs: int = EPOCHS
) -> FalseFlags:
    """Test them at the end of every epoch, over the window that ends with it."""
    flags = FalseFlags()
    for seed in range(networks):
        network = network_of(HONEST[kind](operators))
        frames: list[pl.DataFrame] = []
        found, tested = [], 0
        for epoch in range(epochs):
            rows = contested(run_epoch(network, epoch, PAIR_TASKS, seed))
            frames = window([*frames, rows])
            test = find_pairs(joined(frames))
            found.append(test.pairs)
            tested = max(tested, test.tested)
        flags = _more(flags, tested, found)
    return flags


def _more(flags: FalseFlags, tested: int, found: Sequence[Sequence[Pair]]) -> FalseFlags:
    distinct = {(pair.node, pair.other) for pairs in found for pair in pairs}
    return FalseFlags(
        networks=flags.networks + 1,
        networks_flagged=flags.networks_flagged + bool(distinct),
        pairs=flags.pairs + tested,
        pairs_flagged=flags.pairs_flagged + len(distinct),
        times_flagged=flags.times_flagged + sum(len(pairs) for pairs in found),
    )


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What an honest pair loses that is flagged in each epoch, in bps of its reward.

    Attributes:
        later: the one that is named as later, where time tells.
        each: each of the two, where it does not.
    """

    later: int
    each: int


def cost(operators: int, *, epochs: int = WINDOW_EPOCHS, seed: int = SEED) -> Cost:
    """Return what a flag costs among so many equal operators, in every epoch of a window."""
    without, named, unnamed = (
        _paid(operators, pairs, epochs, seed)
        for pairs in ([], [Pair(0, 1, 0, 0, 0, 1)], [Pair(0, 1, 0, 0, 0, None)])
    )
    return Cost(
        later=-gain_bps(named[1], without[1]),
        each=-gain_bps(sum(unnamed[:2]), sum(without[:2])),
    )


def _paid(operators: int, pairs: Sequence[Pair], epochs: int, seed: int) -> list[int]:
    """Return each operator's wei where these pairs are flagged in every epoch, and no others."""
    card = RewardCard.load(CARD)
    network = network_of(alike(operators))
    prior: Priors = {}
    paid = [0] * operators
    for epoch in range(epochs):
        records = run_epoch(network, epoch, TASKS, seed)
        inputs = inputs_of(network, card, epoch, records, prior)
        metrics = measure(inputs.records, inputs.roster, inputs.start, inputs.end, pairs)
        work = [entry.work for entry in metrics.nodes]
        leaves = make_leaves(card, network.roster, facts_of(inputs, metrics), work, inputs.budget)
        prior = prior_of(leaves)
        for operator, amount in enumerate(amounts_of(network.roster, leaves)):
            paid[operator] += amount
    return paid
