# SPDX-License-Identifier: Apache-2.0
"""A large made-up epoch, as fast as columns are made: nodes of unlike quality, honest."""

from __future__ import annotations

import numpy as np
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
from cortensor.rewards.roster import Node, Roster

START, SECONDS = 1_790_000_000, 86_400
BEATS = 5
"""Heartbeats a node."""
MODELS = [f"model-{number:02}" for number in range(24)]


def made_up_roster(nodes: int) -> Roster:
    """Return nodes of which each operator has one to seven."""
    return Roster(
        Node((1 << 100) + number - number % (1 + number % 7), (1 << 150) + number, True)
        for number in range(nodes)
    )


def made_up_records(roster: Roster, rows: int, seed: int = 7) -> pl.DataFrame:
    """Return so many rows: paid tasks of three and of five replicas, and heartbeats."""
    random = np.random.default_rng(seed)
    nodes = len(roster)
    beats = min(BEATS * nodes, rows // 5)
    paid = rows - beats
    wide = paid // 10  # half of the rows are of tasks of five
    task = np.repeat(np.arange(wide), 5)
    task = np.concatenate([task, wide + np.arange(paid - len(task)) // 3])
    node = random.integers(0, nodes, paid)
    skill = random.uniform(0.7, 0.99, nodes)
    chance = random.random(paid)
    fails = chance > 0.97  # noqa: PLR2004
    wrong = ~fails & (random.random(paid) > skill[node])
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
                "task": np.concatenate([task, last + np.arange(beats) // 5]),
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
