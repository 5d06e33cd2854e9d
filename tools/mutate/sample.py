# SPDX-License-Identifier: Apache-2.0
"""Chooses which mutants are tried: the same ones every time, all operators alike."""

from __future__ import annotations

import hashlib
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.mutate.mutant import Mutant


def ordered(mutants: Iterable[Mutant], seed: int) -> list[Mutant]:
    """Puts mutants into the order in which they are tried.

    By a hash and not by a random generator: a new line of code then moves the others by a place or
    two. Operators take turns: otherwise the many numbers in shifts would be most of a sample.

    Args:
        mutants: What could be tried.
        seed: Another number, another order.

    Returns:
        All of them.
    """
    by_operator: dict[str, list[Mutant]] = {}
    for mutant in sorted(mutants, key=lambda m: _rank(m, seed)):
        by_operator.setdefault(mutant.edit.operator, []).append(mutant)
    rounds = zip_longest(*(by_operator[name] for name in sorted(by_operator)))
    return [mutant for turn in rounds for mutant in turn if mutant is not None]


def _rank(mutant: Mutant, seed: int) -> str:
    return hashlib.sha256(f"{seed}\0{mutant.key}".encode()).hexdigest()
