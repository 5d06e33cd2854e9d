# SPDX-License-Identifier: Apache-2.0
"""The six populations of the tuning study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.rewards.network import Machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RING = 6


def uniform() -> list[Machine]:
    """Forty operators with one machine each, all alike."""
    return [Machine(operator=number) for number in range(40)]


def few_whales() -> list[Machine]:
    """Three operators with eight large machines each, 24 with one small one."""
    whales = [
        Machine(operator=whale, capacity=3, models=8, right_bps=9_300)
        for whale in range(3)
        for _ in range(8)
    ]
    return whales + [Machine(operator=3 + number) for number in range(24)]


def many_small() -> list[Machine]:
    """Ninety operators of unlike quality with one small machine each."""
    return [
        Machine(operator=number, right_bps=7_500 + 20 * number, models=1) for number in range(90)
    ]


def specialists() -> list[Machine]:
    """Twenty that serve one model very well, twenty that serve eight less well."""
    narrow = [
        Machine(operator=number, models=1, first_model=number % 4, right_bps=9_600)
        for number in range(20)
    ]
    broad = [
        Machine(operator=20 + number, models=8, first_model=4, right_bps=8_600)
        for number in range(20)
    ]
    return narrow + broad


def flapping() -> list[Machine]:
    """Twenty steady ones, ten that are down half of the time, ten that answer too rarely."""
    steady = [Machine(operator=number) for number in range(20)]
    flaps = [Machine(operator=20 + number, flaps=2 + 2 * (number % 5)) for number in range(10)]
    rare = [Machine(operator=30 + number, answers_bps=8_000, up_bps=8_500) for number in range(10)]
    return steady + flaps + rare


def colluding_ring() -> list[Machine]:
    """Thirty-four honest ones, and six operators whose machines all give one cheap answer."""
    honest = [Machine(operator=number) for number in range(34)]
    ring = [Machine(operator=34 + number, ring=1, right_bps=7_000) for number in range(RING)]
    return honest + ring


POPULATIONS: dict[str, Callable[[], Sequence[Machine]]] = {
    "uniform": uniform,
    "few whales": few_whales,
    "many small": many_small,
    "specialists": specialists,
    "flapping": flapping,
    "colluding ring": colluding_ring,
}
