# SPDX-License-Identifier: Apache-2.0
"""A network to try the rewards on: machines that answer tasks, each behind one node or several.

All luck is drawn by task and machine before it is known who answers what. So two runs of one seed
that differ in how many nodes a machine stands behind, or in who copies, differ in nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import polars as pl

from benchmarks.rewards.copiers import with_copies
from cortensor.rewards.records import (
    AGREED,
    DISSENTED,
    HEARTBEAT,
    PAID,
    TIMEOUT,
    UNDECIDED,
    record_frame,
)
from cortensor.rewards.roster import Node, Roster

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rewards.copiers import Bools, Ints

SECONDS = 86_400
BEATS = 24
"""Heartbeats a node and epoch."""
BPS = 10_000
EASY_BPS, EASY_RIGHT_BPS = 6_500, 9_950
"""Tasks that almost all get right, and how right."""
NARROW, WIDE, WIDE_BPS = 3, 5, 4_000
"""Replicas of a task, and how many tasks have the larger number."""
NODES, BEATING = 1, 2
"""Streams of luck beside that of the tasks."""


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
        copies: numbers of the machines of which it copies one in each task, by turns, if that one
            is asked too.
        copies_first: it copies whoever answers first, instead.
        copy_bps: in how many of the tasks in which it could.
        copies_easy: whether also in the easy ones.
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
    copies: tuple[int, ...] = ()
    copies_first: bool = False
    copy_bps: int = BPS
    copies_easy: bool = True
    ring: int = 0
    kin_bps: int = 0


class Network(NamedTuple):
    """Machines with their nodes: `places[m]` are the roster's indices of machine m's nodes."""

    machines: Sequence[Machine]
    roster: Roster
    places: list[list[int]]


class Answers(NamedTuple):
    """What the asked machines answer; a row a task, a column a replica.

    Attributes:
        machine: who is asked.
        is_asked: whether there is such a replica.
        answers: whether it answers.
        is_right: whether its answer is right, or would be.
        latency_ms: how long it takes.
        is_hard: of the task, one column.
    """

    machine: Ints
    is_asked: Bools
    answers: Bools
    is_right: Bools
    latency_ms: Ints
    is_hard: Bools


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


def run_epoch(network: Network, epoch: int, tasks: int, seed: int) -> pl.DataFrame:
    """Return the rows of one epoch of so many paid tasks."""
    luck = np.random.default_rng([seed, epoch])
    answers = _answers(luck, network.machines, tasks)
    right = (answers.answers & answers.is_right).sum(axis=1, keepdims=True)
    wrong = (answers.answers & ~answers.is_right).sum(axis=1, keepdims=True)
    contest = BPS * np.minimum(right, wrong) // np.maximum(1, right + wrong)
    outcome = np.where(answers.is_right == (right > wrong), AGREED, DISSENTED)
    outcome = np.where(right == wrong, UNDECIDED, outcome)
    outcome = np.where(answers.answers, outcome, TIMEOUT)
    shape = answers.machine.shape
    units = np.broadcast_to(luck.integers(50, 900, (tasks, 1)), shape)
    models = _each(network.machines, "models")[answers.machine]
    model = models * luck.integers(BPS, size=shape) // BPS
    at = np.arange(tasks)[:, None] * SECONDS // tasks
    columns = {
        "task": np.broadcast_to(np.arange(tasks)[:, None], shape),
        "node": _nodes(network, answers.machine, np.random.default_rng([seed, epoch, NODES])),
        "at": np.broadcast_to(epoch * SECONDS + at, shape),
        "outcome": outcome,
        "contest_bps": np.where(outcome <= DISSENTED, contest, 0),
        "units": np.where(outcome == TIMEOUT, 0, units),
        "model": _each(network.machines, "first_model")[answers.machine] + model,
        "latency_ms": answers.latency_ms,
    }
    paid = pl.DataFrame({name: values[answers.is_asked] for name, values in columns.items()})
    beats = _heartbeats(np.random.default_rng([seed, epoch, BEATING]), network, epoch, tasks)
    rows = pl.concat(
        [paid.with_columns(kind=pl.lit(PAID, pl.Int64)), beats.select(*columns, "kind")]
    )
    operators = np.asarray(network.roster.operator_of)
    return record_frame(rows.with_columns(operator=operators[rows["node"].to_numpy()]))


def _each(machines: Sequence[Machine], name: str) -> Ints:
    return np.asarray([getattr(machine, name) for machine in machines], np.int64)


def _choose(
    luck: np.random.Generator, machines: Sequence[Machine], wanted: Ints
) -> tuple[Ints, Bools]:
    """Return who is asked, one machine an operator, by capacity and without putting back.

    The machine whose exponential clock rings first is drawn in proportion to capacity, the next one
    in proportion among the others, and so on.
    """
    clocks = luck.exponential(size=(len(wanted), len(machines))) / _each(machines, "capacity")
    _, operator = np.unique(_each(machines, "operator"), return_inverse=True)
    count = int(operator.max()) + 1
    if count < len(machines):
        first = np.full((len(wanted), count), np.inf)
        for number, mine in enumerate(operator):
            first[:, mine] = np.minimum(first[:, mine], clocks[:, number])
        clocks = np.where(clocks <= first[:, operator], clocks, np.inf)
    most = min(count, WIDE)
    order = np.argpartition(clocks, most - 1, axis=1)[:, :most]
    by_clock = np.argsort(np.take_along_axis(clocks, order, 1), axis=1)
    return np.take_along_axis(order, by_clock, 1), np.arange(most) < wanted[:, None]


def _answers(luck: np.random.Generator, machines: Sequence[Machine], tasks: int) -> Answers:
    is_wide = luck.integers(BPS, size=tasks) < WIDE_BPS
    chosen, is_asked = _choose(luck, machines, np.where(is_wide, WIDE, NARROW))
    is_hard = luck.integers(BPS, size=(tasks, 1)) >= EASY_BPS
    draws = luck.integers(BPS, size=(5, tasks, len(machines)))
    right, kin, answers, latency, copy = (np.take_along_axis(each, chosen, 1) for each in draws)
    is_right = right < np.where(is_hard, _each(machines, "right_bps")[chosen], EASY_RIGHT_BPS)
    is_kin = is_hard & (kin < _each(machines, "kin_bps")[chosen])
    is_right = _as_one(is_right, is_kin & is_asked, _each(machines, "first_model")[chosen])
    ring = _each(machines, "ring")[chosen]
    is_right = _as_one(is_right, (ring > 0) & is_asked, ring)
    flaps = _each(machines, "flaps")[chosen]
    is_down = (np.arange(tasks)[:, None] * flaps // tasks) % 2 == 1
    found = Answers(
        machine=chosen,
        is_asked=is_asked,
        answers=is_asked & ~is_down & (answers < _each(machines, "answers_bps")[chosen]),
        is_right=is_right,
        latency_ms=400 + latency // 4,
        is_hard=is_hard,
    )
    return with_copies(found, machines, copy)


def _as_one(is_right: Bools, joins: Bools, group: Ints) -> Bools:
    """Let those who join in take the answer of the first one of their group who does."""
    found = is_right.copy()
    first = np.full((len(group), int(group.max()) + 1), -1)
    rows = np.arange(len(group))
    for place in range(group.shape[1]):
        mine = group[:, place]
        given = first[rows, mine]
        answer = np.where(given < 0, is_right[:, place], given == 1)
        found[:, place] = np.where(joins[:, place], answer, is_right[:, place])
        first[rows, mine] = np.where(joins[:, place], answer, given)
    return found


def _nodes(network: Network, machine: Ints, luck: np.random.Generator) -> Ints:
    """Return the node of each machine that is asked: any of its own, as often."""
    counts = _each(network.machines, "nodes")
    starts = np.cumsum(counts) - counts
    flat = np.concatenate([np.asarray(places, np.int64) for places in network.places])
    part = counts[machine] * luck.integers(BPS, size=machine.shape) // BPS
    found: Ints = flat[starts[machine] + part]
    return found


def _heartbeats(
    luck: np.random.Generator, network: Network, epoch: int, tasks: int
) -> pl.DataFrame:
    counts = _each(network.machines, "nodes")
    at = np.arange(BEATS)[:, None] * SECONDS // BEATS
    flaps = _each(network.machines, "flaps")
    is_up = luck.integers(BPS, size=(BEATS, len(counts))) < _each(network.machines, "up_bps")
    is_up &= (at * flaps // SECONDS) % 2 == 0
    up = np.repeat(is_up, counts, axis=1)
    flat = np.concatenate([np.asarray(places, np.int64) for places in network.places])
    columns = {
        "task": tasks + np.arange(BEATS)[:, None],
        "node": flat[None, :],
        "at": epoch * SECONDS + at,
        "kind": np.full((1, 1), HEARTBEAT),
        "outcome": np.where(up, AGREED, TIMEOUT),
        "contest_bps": np.zeros((1, 1), np.int64),
        "units": up.astype(np.int64),
        "model": np.repeat(_each(network.machines, "first_model"), counts)[None, :],
        "latency_ms": np.full((1, 1), 300),
    }
    return pl.DataFrame(
        {name: np.broadcast_to(values, up.shape).ravel() for name, values in columns.items()}
    )
