# SPDX-License-Identifier: Apache-2.0
"""What operators gain by putting more nodes before a machine, fewer, or becoming one operator."""

from __future__ import annotations

import msgspec

from benchmarks.rewards.network import Machine
from benchmarks.rewards.study import EPOCHS, TASKS, gain_bps, run

OPERATORS, STEP = 30, 3
"""Every third of thirty does it."""
SPLIT_TASKS = 2 * TASKS
"""The machines are asked four times as often as in the populations, so each node has work."""


class Splitting(msgspec.Struct, frozen=True, kw_only=True):
    """What the same operators gain by more nodes before each machine, and by fewer, in bps."""

    splitting_bps: int
    merging_bps: int


def splitting(nodes: int, seed: int, *, epochs: int = EPOCHS) -> Splitting:
    """Put one node and `nodes` nodes before the same machines, which answer the same tasks."""
    one, many = (_paid(count, seed, epochs) for count in (1, nodes))
    return Splitting(splitting_bps=gain_bps(many, one), merging_bps=gain_bps(one, many))


def _paid(nodes: int, seed: int, epochs: int) -> int:
    machines = [
        Machine(
            operator=number,
            right_bps=8_500 + 40 * number,
            nodes=1 if number % STEP else nodes,
        )
        for number in range(OPERATORS)
    ]
    return sum(run(machines, epochs, SPLIT_TASKS, seed).by_operator(epochs)[::STEP])


def joining(models: str, seed: int, *, epochs: int = EPOCHS) -> int:
    """Return in bps what two operators of two models each gain by registering as one.

    Args:
        models: "the same" or "different" ones.
        seed: of the draw.
        epochs: how many.
    """
    others = [Machine(operator=2 + number) for number in range(OPERATORS - 2)]
    apart = [
        Machine(operator=number, first_model=0 if models == "the same" else 2 * number)
        for number in range(2)
    ]
    joined = [msgspec.structs.replace(machine, operator=0) for machine in apart]
    two, one = (
        run([*machines, *others], epochs, TASKS, seed).by_operator(epochs)[:count]
        for machines, count in ((apart, 2), (joined, 1))
    )
    return gain_bps(sum(one), sum(two))
