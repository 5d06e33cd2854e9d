# SPDX-License-Identifier: Apache-2.0
"""A large made-up epoch, as fast as columns are made: nodes of unlike quality, a few of which copy.

Nodes meet as a router's sessions make them meet: most tasks go to one of the fives that the nodes
stand in, the others to anybody. The first fives are asked far more often, and in each of them the
second node copies the first: pairs to flag, and credit to take away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from cortensor.rewards.records import (
    AGREED,
    DISSENTED,
    ERROR,
    HEARTBEAT,
    PAID,
    TIMEOUT,
    record_frame,
)
from cortensor.rewards.roster import Node, Prior, Priors, Roster

START, SECONDS = 1_790_000_000, 86_400
BEATS = 5
"""Heartbeats a node."""
FIVE = 5
BUSY = 20
"""Fives that get a fiftieth of all tasks, and have a copier each."""
MODELS = [f"model-{number:02}" for number in range(24)]

Ints = npt.NDArray[np.int64]


class Runs(NamedTuple):
    """Who runs what: for each paid row its task, node and its task's first row."""

    task: Ints
    node: Ints
    first: Ints


def made_up_roster(nodes: int) -> Roster:
    """Return nodes of which each operator has one to seven."""
    return Roster(
        Node((1 << 100) + number - number % (1 + number % 7), (1 << 150) + number, True)
        for number in range(nodes)
    )


def made_up_prior(roster: Roster) -> Priors:
    """Return a level, a streak and a rate for every node."""
    return {
        (entry.operator, entry.node): Prior(number % 11, number % 50, 9_000 + number % 1_000)
        for number, entry in enumerate(roster.nodes)
    }


def made_up_records(
    roster: Roster, rows: int, seed: int = 7, least_skill: float = 0.7
) -> pl.DataFrame:
    """Return so many rows: paid tasks of three and of five replicas, and heartbeats.

    Args:
        roster: the nodes, at least five.
        rows: how many.
        seed: of the random numbers.
        least_skill: how often the worst node is right; the best is 99.5 % of the time.
    """
    random = np.random.default_rng(seed)
    nodes = len(roster)
    beats = min(BEATS * nodes, rows // 5)
    paid = rows - beats
    runs = _runs(random, nodes, paid)
    task, node = runs.task, runs.node
    skill = random.uniform(least_skill, 0.995, nodes)
    chance = random.random(paid)
    wrong = random.random(paid) > skill[node]
    _copy(runs, nodes, chance, wrong)
    fails = chance > 0.97  # noqa: PLR2004
    wrong &= ~fails
    answered = np.bincount(task[~fails], minlength=task[-1] + 1)
    against = np.bincount(task[wrong], minlength=task[-1] + 1)
    flipped = against * 2 > answered  # the wrong ones have the majority: they win
    dissents = np.where(flipped, answered - against, against)
    contest = 10_000 * dissents // np.maximum(answered, 1)
    outcome = np.where(wrong ^ flipped[task], DISSENTED, AGREED)
    outcome = np.where(fails, np.where(chance > 0.99, ERROR, TIMEOUT), outcome)  # noqa: PLR2004
    operator = np.array(roster.operator_of)
    last = int(task[-1]) + 1
    beat_node = np.arange(beats) % nodes
    silent = random.random(beats) > 0.98  # noqa: PLR2004
    at = np.concatenate([task * SECONDS // last, np.arange(beats) * SECONDS // max(beats, 1)])
    return record_frame(
        pl.DataFrame(
            {
                "task": np.concatenate([task, last + np.arange(beats) // FIVE]),
                "node": np.concatenate([node, beat_node]),
                "operator": operator[np.concatenate([node, beat_node])],
                "at": START + at,
                "kind": np.repeat([PAID, HEARTBEAT], [paid, beats]),
                "outcome": np.concatenate([outcome, np.where(silent, TIMEOUT, AGREED)]),
                "contest_bps": np.concatenate(
                    [np.where(fails, 0, contest[task]), np.zeros(beats, np.int64)]
                ),
                "units": np.concatenate(
                    [np.where(fails, 0, random.integers(50, 900, paid)), np.ones(beats, np.int64)]
                ),
                "model": np.concatenate(
                    [(node + random.integers(0, 3, paid)) % len(MODELS), np.zeros(beats, np.int64)]
                ),
                "latency_ms": random.integers(200, 4000, rows),
            }
        )
    )


def _runs(random: np.random.Generator, nodes: int, paid: int) -> Runs:
    wide = paid // 10  # half of the rows are of tasks of five
    task = np.repeat(np.arange(wide), FIVE)
    task = np.concatenate([task, wide + np.arange(paid - len(task)) // 3])
    first = np.searchsorted(task, task)
    tasks = int(task[-1]) + 1
    fives = nodes // FIVE
    five = random.integers(0, fives, tasks)
    busy = random.random(tasks) < 0.02  # noqa: PLR2004
    five = np.where(busy, five % min(BUSY, fives), five)
    turn = random.integers(0, FIVE, tasks)
    beside = five[task] * FIVE + (turn[task] + np.arange(paid) - first) % FIVE
    apart = random.random(tasks) < 0.2  # noqa: PLR2004
    node = np.where(apart[task] & ~busy[task], random.integers(0, nodes, paid), beside)
    return Runs(task, node, first)


def _copy(
    runs: Runs, nodes: int, chance: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_]
) -> None:
    """Have the second node of each busy five do in each task what the first one did in it."""
    for five in range(min(BUSY, nodes // FIVE)):
        copied = np.flatnonzero(runs.node == five * FIVE)
        at = np.flatnonzero(runs.node == five * FIVE + 1)
        rows = dict(zip(runs.task[copied].tolist(), copied.tolist(), strict=True))
        both = [
            (row, rows[task])
            for row, task in zip(at.tolist(), runs.task[at].tolist(), strict=True)
            if task in rows
        ]
        for row, of in both:
            chance[row], wrong[row] = chance[of], wrong[of]
