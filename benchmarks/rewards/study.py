# SPDX-License-Identifier: Apache-2.0
"""Sixty epochs of a population, and what came of them: the figures of docs/rewards.md."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from benchmarks.rewards.network import SECONDS, Machine, network_of, run_epoch
from benchmarks.rewards.populations import few_whales
from cortensor.rewards import RewardCard, Sums
from cortensor.rewards.collusion import WINDOW_EPOCHS, contested
from cortensor.rewards.concentration import gini_bps, hhi_bps, lorenz_bps, top_share_bps
from cortensor.rewards.epoch import (
    EpochInputs,
    EpochResult,
    compute_epoch,
    make_leaves,
    prior_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from benchmarks.rewards.network import Network
    from cortensor.rewards import Facts
    from cortensor.rewards.collusion import Pair
    from cortensor.rewards.roster import Priors, Roster
    from cortensor.rewards.sum_tree import Leaf

CARD = Path(__file__).resolve().parents[2] / "config" / "reward-card.toml"
EPOCHS, TASKS, SEED = 60, 1_200, 7
BPS = 10_000


class Run(NamedTuple):
    """What a population was paid.

    Attributes:
        paid: wei of each operator, by epoch.
        budget: wei that was there for them.
        inputs: of the last epoch.
        last: the last epoch.
        flags: pairs of nodes that were flagged, by epoch.
        levels: levels after the last epoch, by node.
    """

    paid: list[list[int]]
    budget: int
    inputs: EpochInputs
    last: EpochResult
    flags: list[list[Pair]]
    levels: list[int]

    def by_operator(self, epochs: int = EPOCHS) -> list[int]:
        """Return wei over the first so many epochs."""
        return [sum(amounts) for amounts in zip(*self.paid[:epochs], strict=True)]

    @property
    def flagged(self) -> set[tuple[int, int]]:
        """Pairs of nodes that any epoch flagged."""
        return {(pair.node, pair.other) for pairs in self.flags for pair in pairs}


def inputs_of(
    network: Network, card: RewardCard, epoch: int, records: pl.DataFrame, prior: Priors
) -> EpochInputs:
    """Return an epoch's inputs without history; its budget is all that a card lets it draw."""
    return EpochInputs(
        epoch=epoch,
        start=epoch * SECONDS,
        end=(epoch + 1) * SECONDS,
        budget=card.budget_cap_wei,
        card=card,
        roster=network.roster,
        prior=prior,
        records=records,
    )


def run(
    machines: Sequence[Machine],
    epochs: int = EPOCHS,
    tasks: int = TASKS,
    seed: int = SEED,
    card: RewardCard | None = None,
) -> Run:
    """Run a population for so many epochs."""
    card = card or RewardCard.load(CARD)
    network = network_of(machines)
    prior: Priors = {}
    history: deque[pl.DataFrame] = deque(maxlen=WINDOW_EPOCHS - 1)
    paid, flags = [], []
    for epoch in range(epochs):
        records = run_epoch(network, epoch, tasks, seed)
        inputs = inputs_of(network, card, epoch, records, prior)._replace(history=tuple(history))
        result = compute_epoch(inputs)
        paid.append(amounts_of(network.roster, result.leaves))
        flags.append(result.collusion.pairs)
        history.append(contested(inputs.records))
        prior = prior_of(result.leaves)
    levels = [facts.level_after for facts in result.facts]
    return Run(paid, card.budget_cap_wei * epochs, inputs, result, flags, levels)


def amounts_of(roster: Roster, leaves: Sequence[Leaf]) -> list[int]:
    """Return each operator's wei."""
    amounts = [0] * len(roster.operators)
    for leaf, operator in zip(leaves, roster.operator_of, strict=True):
        amounts[operator] += Sums.unpack(leaf.sums).amount
    return amounts


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a population's rewards are spread over its operators, in bps; levels of its nodes."""

    operators: int
    gini_bps: int
    hhi_bps: int
    top5_bps: int
    allotted_bps: int
    flagged_pairs: int
    median_level: int
    lorenz_bps: list[int]


def spread_of(result: Run) -> Spread:
    """Return the figures of a run."""
    amounts = result.by_operator()
    return Spread(
        operators=len(amounts),
        gini_bps=gini_bps(amounts),
        hhi_bps=hhi_bps(amounts),
        top5_bps=top_share_bps(amounts),
        allotted_bps=BPS * sum(amounts) // result.budget,
        flagged_pairs=len(result.flagged),
        median_level=median_low(result.levels),
        lorenz_bps=lorenz_bps(amounts),
    )


class Margins(msgspec.Struct, frozen=True, kw_only=True):
    """What the median operator gains in the last epoch by one more of each, in bps of its reward.

    A node that only takes over half of another's work; one that brings as much work again.
    """

    model: int
    node_without_work: int
    node_with_work: int
    uptime_point: int


def margins_of(result: Run) -> Margins:
    """Return what one more of each is worth, everything else as it was."""
    inputs, facts = result.inputs, result.last.facts
    work = [entry.work for entry in result.last.metrics.nodes]
    amounts = _by_operator(inputs, facts, work)
    ranked = sorted(range(len(amounts)), key=amounts.__getitem__)
    chosen = ranked[len(ranked) // 2]
    before = amounts[chosen]
    mine = [operator == chosen for operator in inputs.roster.operator_of]

    def gain(facts: Sequence[Facts], work: Sequence[int]) -> int:
        return BPS * (_by_operator(inputs, facts, work)[chosen] - before) // max(1, before)

    def changed(name: str, step: int, most: int) -> list[Facts]:
        return [
            msgspec.structs.replace(each, **{name: min(most, getattr(each, name) + step)})
            if own
            else each
            for each, own in zip(facts, mine, strict=True)
        ]

    doubled = [2 * units if own else units for units, own in zip(work, mine, strict=True)]
    lower = [
        msgspec.structs.replace(each, uptime_bps=each.uptime_bps - 100) if own else each
        for each, own in zip(facts, mine, strict=True)
    ]
    return Margins(
        model=gain(changed("models", 1, 2**16 - 1), work),
        node_without_work=gain(facts, [units - units % 2 for units in work]),
        node_with_work=gain(facts, doubled),
        uptime_point=-gain(lower, work),
    )


def _by_operator(inputs: EpochInputs, facts: Sequence[Facts], work: Sequence[int]) -> list[int]:
    leaves = make_leaves(inputs.card, inputs.roster, facts, work, inputs.budget)
    return amounts_of(inputs.roster, leaves)


def gain_bps(after: int, before: int) -> int:
    """Return by how many bps `after` is more than `before`, rounded down."""
    return BPS * (after - before) // before


def disguised(*, epochs: int = EPOCHS, seed: int = SEED) -> dict[str, int]:
    """Return what whales get of the budget, in bps: as three operators, and as one a machine."""
    open_ = list(few_whales())
    whales = [number for number, machine in enumerate(open_) if machine.capacity > 1]
    hidden = [
        msgspec.structs.replace(machine, operator=1_000 + number) if number in whales else machine
        for number, machine in enumerate(open_)
    ]
    seen, unseen = run(open_, epochs, TASKS, seed), run(hidden, epochs, TASKS, seed)
    return {
        "as_three": BPS * sum(seen.by_operator()[:3]) // seen.budget,
        "as_many": BPS * sum(unseen.by_operator()[-len(whales) :]) // unseen.budget,
    }
