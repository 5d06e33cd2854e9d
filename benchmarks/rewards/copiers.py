# SPDX-License-Identifier: Apache-2.0
"""Machines that give another's answer for their own, a little later."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rewards.network import Answers, Machine

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

DELAY_MS = 150
"""A copier answers after the one whose answer it takes."""
BPS = 10_000


def with_copies(answers: Answers, machines: Sequence[Machine], luck: Ints) -> Answers:
    """Return the answers after the copiers among the machines took theirs from others.

    Args:
        answers: each machine's own.
        machines: all of them.
        luck: of each replica, below 10,000.
    """
    is_right, latency = answers.is_right.copy(), answers.latency_ms.copy()
    for number, machine in enumerate(machines):
        if not machine.copies and not machine.copies_first:
            continue
        mine = answers.answers & (answers.machine == number) & (luck < machine.copy_bps)
        if not machine.copies_easy:
            mine &= answers.is_hard
        rows, places = np.nonzero(mine)
        victims = _victims(answers, machine, number)
        has_one = victims[rows].any(axis=1)
        rows, places = rows[has_one], places[has_one]
        victim = victims.argmax(axis=1)[rows]
        is_right[rows, places] = answers.is_right[rows, victim]
        latency[rows, places] = answers.latency_ms[rows, victim] + DELAY_MS
    return answers._replace(is_right=is_right, latency_ms=latency)


def _victims(answers: Answers, machine: Machine, number: int) -> Bools:
    """Return in each task the replica that a machine copies, if there is one."""
    if machine.copies_first:
        is_other = answers.answers & (answers.machine != number)
        late = np.where(is_other, answers.latency_ms, np.iinfo(np.int64).max)
        is_first: Bools = is_other & (late == late.min(axis=1, keepdims=True))
        return is_first
    turns = np.asarray(machine.copies)[np.arange(len(answers.machine)) % len(machine.copies)]
    is_victim: Bools = answers.answers & (answers.machine == turns[:, None])
    return is_victim
