# SPDX-License-Identifier: Apache-2.0
"""A network to try the rewards on: machines that answer tasks, each behind one node or several.

What a machine does depends only on the seed, not on how many nodes it stands behind, so that two
runs that differ in that differ in nothing else.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cortensor.rewards.records import (
    AGREED,
    DISSENTED,
    HEARTBEAT,
    PAID,
    SCHEMA,
    TIMEOUT,
    UNDECIDED,
    record_frame,
)
from cortensor.rewards.roster import Node, Roster

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

SECONDS = 86_400
BEATS = 24
"""Heartbeats a node and epoch."""
BPS = 10_000
EASY_BPS, EASY_RIGHT_BPS = 6_500, 9_950
"""Tasks that almost all get right, and how right."""
WIDE_BPS = 4_000
"""Tasks of five replicas; the others have three."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine.

    Attributes:
        operator: number of who owns it.
        nodes: how many nodes it stands behind.
        capacity: how much more often than a machine of 1 it is chosen.
        right_bps: how often it is right on a hard task.
        answers_bps: how often it answers at all, while it is up.
        up_bps: how often it is up at a heartbeat.
        first_model: the first of its models.
        models: how many it serves.
        flaps: spans of an epoch in which it is by turns up and down; 0 for always up.
        copies: number of the machine whose answer it takes where both are asked.
        ring: those with the same number give one answer, drawn once; 0 for none.
        kin_bps: how often, on a hard task, it errs exactly as its model errs.
    """

    operator: int
    nodes: int = 1
    capacity: int = 1
    right_bps: int = 9_000
    answers_bps: int = 9_900
    up_bps: int = 9_950
    first_model: int = 0
    models: int = 2
    flaps: int = 0
    copies: int | None = None
    ring: int = 0
    kin_bps: int = 0


class Network(NamedTuple):
    """Machines with their nodes: `places[m]` are the roster's indices of machine m's nodes."""

    machines: Sequence[Machine]
    roster: Roster
    places: list[list[int]]


def network_of(machines: Sequence[Machine]) -> Network:
    """Give each machine its nodes' addresses."""
    nodes = {}
    for number, machine in enumerate(machines):
        for part in range(machine.nodes):
            address = ((number + 1) << 40) + part
            nodes[address] = Node((machine.operator + 1) << 80, address, True)
    roster = Roster(nodes.values())
    place = {entry.node: index for index, entry in enumerate(roster.nodes)}
    places = [
        [place[((number + 1) << 40) + part] for part in range(machine.nodes)]
        for number, machine in enumerate(machines)
    ]
    return Network(machines, roster, places)


class _Answer(NamedTuple):
    machine: int
    is_right: bool | None
    latency_ms: int


def run_epoch(network: Network, epoch: int, tasks: int, seed: int) -> pl.DataFrame:
    """Return the rows of one epoch of so many paid tasks."""
    random = Random(f"{seed}/{epoch}")  # noqa: S311 -- a simulation
    split = Random(f"{seed}/{epoch}/nodes")  # noqa: S311
    columns: dict[str, list[int]] = {name: [] for name in SCHEMA}
    weights = list(accumulate(machine.capacity for machine in network.machines))
    numbers = range(len(network.machines))
    for task in range(tasks):
        wanted = 5 if random.randrange(BPS) < WIDE_BPS else 3
        chosen = _choose(random, network.machines, numbers, weights, wanted)
        at = task * SECONDS // tasks
        answers = _answers(random, network.machines, chosen, at)
        units = random.randrange(50, 900)
        right = sum(answer.is_right is True for answer in answers)
        wrong = sum(answer.is_right is False for answer in answers)
        contest = BPS * min(right, wrong) // max(1, right + wrong) if right != wrong else 0
        for answer in answers:
            machine = network.machines[answer.machine]
            node = network.places[answer.machine][split.randrange(machine.nodes)]
            if answer.is_right is None:
                outcome = TIMEOUT
            elif right == wrong:
                outcome = UNDECIDED
            else:
                outcome = AGREED if answer.is_right == (right > wrong) else DISSENTED
            is_counted = outcome in {AGREED, DISSENTED}
            model = machine.first_model + random.randrange(machine.models)
            row = (
                task,
                node,
                network.roster.operator_of[node],
                epoch * SECONDS + at,
                PAID,
                outcome,
                contest if is_counted else 0,
                0 if outcome == TIMEOUT else units,
                model,
                answer.latency_ms,
            )
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    _add_heartbeats(random, network, columns, epoch, tasks)
    return record_frame(columns)


def _choose(
    random: Random, machines: Sequence[Machine], numbers: range, weights: list[int], wanted: int
) -> list[int]:
    chosen: dict[int, int] = {}
    for _ in range(40):
        number = random.choices(numbers, cum_weights=weights)[0]
        chosen.setdefault(machines[number].operator, number)
        if len(chosen) == wanted:
            break
    return list(chosen.values())


def _answers(
    random: Random, machines: Sequence[Machine], chosen: Sequence[int], at: int
) -> list[_Answer]:
    is_hard = random.randrange(BPS) >= EASY_BPS
    shared: dict[int, bool] = {}
    by_model: dict[int, bool] = {}
    found: dict[int, _Answer] = {}
    for number in chosen:
        machine = machines[number]
        draws = [random.randrange(BPS) for _ in range(4)]
        is_right = draws[0] < (machine.right_bps if is_hard else EASY_RIGHT_BPS)
        if is_hard and draws[1] < machine.kin_bps:
            is_right = by_model.setdefault(machine.first_model, is_right)
        if machine.ring:
            is_right = shared.setdefault(machine.ring, is_right)
        is_up = not (machine.flaps and (at * machine.flaps // SECONDS) % 2)
        answers = is_up and draws[2] < machine.answers_bps
        found[number] = _Answer(number, is_right if answers else None, 400 + draws[3] // 4)
    for number, answer in found.items():
        copied = machines[number].copies
        victim = None if copied is None else found.get(copied)
        if victim is not None and victim.is_right is not None and answer.is_right is not None:
            found[number] = _Answer(number, victim.is_right, victim.latency_ms + 150)
    return list(found.values())


def _add_heartbeats(
    random: Random, network: Network, columns: dict[str, list[int]], epoch: int, tasks: int
) -> None:
    for beat in range(BEATS):
        at = beat * SECONDS // BEATS
        for number, machine in enumerate(network.machines):
            is_down = machine.flaps and (at * machine.flaps // SECONDS) % 2
            is_up = random.randrange(BPS) < machine.up_bps and not is_down
            for node in network.places[number]:
                row = (
                    tasks + beat,
                    node,
                    network.roster.operator_of[node],
                    epoch * SECONDS + at,
                    HEARTBEAT,
                    AGREED if is_up else TIMEOUT,
                    0,
                    int(is_up),
                    machine.first_model,
                    300,
                )
                for column, value in zip(columns.values(), row, strict=True):
                    column.append(value)
