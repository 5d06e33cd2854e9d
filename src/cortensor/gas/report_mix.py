# SPDX-License-Identifier: Apache-2.0
"""A mix of traffic as plots for the page: ranges by group, and how gas is spread over sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.gas.allotment import DIMENSIONS
from cortensor.gas.mix_lines import NetworkLines, gwei, lines_of, networks_of
from cortensor.gas.mix_render import data_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.gas.mix import Group, Mix

PERMILLE = 1_000
WIDTH, HEIGHT = 1_000, 240
"""Of the curve's coordinates; the page scales them."""

TICKS = 4


class Range(Struct, frozen=True):
    """A group's bar: thousandths of the longest, and the numbers."""

    name: str
    sessions: int
    requests: int
    p50: int
    p95: int
    max: int
    p50_at: int
    p95_at: int
    max_at: int
    fees: list[str]


class Ranges(Struct, frozen=True):
    """The bars of a dimension."""

    title: str
    rows: list[Range]


class Tick(Struct, frozen=True):
    """A line across the curve: its height from the top, and the gas there."""

    at: int
    gas: int


class Curve(Struct, frozen=True):
    """Sessions from least gas to most: points of an SVG line, and lines across."""

    points: str
    ticks: list[Tick]
    width: int
    height: int


class Part(Struct, frozen=True):
    """Transactions of a kind, as a bar: thousandths of the kind with most gas."""

    name: str
    count: int
    gas: int
    permille: int


class MixView(Struct, frozen=True):
    """All that the page shows of a mix."""

    sessions: int
    requests: int
    seed: str
    networks: list[str]
    ranges: list[Ranges]
    curve: Curve
    parts: list[Part]
    data: str
    lines: list[NetworkLines]


def mix_view(mix: Mix) -> MixView:
    """Return what the page shows of a mix that was drawn."""
    networks = networks_of(mix)
    longest = max(row.execution_gas.max for rows in mix.tables.values() for row in rows)
    (whole,) = mix.tables["session"]
    return MixView(
        sessions=whole.sessions,
        requests=whole.requests,
        seed=str(mix.header["seed"]),
        networks=networks,
        ranges=[
            Ranges(name, [_range(row, longest, networks) for row in mix.tables[name]])
            for name in DIMENSIONS
        ],
        curve=curve_of([each.execution_gas for each in mix.sessions]),
        parts=_parts(mix),
        data=data_sentence(mix),
        lines=lines_of(mix),
    )


def curve_of(amounts: Sequence[int]) -> Curve:
    """Return amounts in ascending order as a stepped line, from 0 to the most."""
    ordered = sorted(amounts)
    most = max(*ordered, 1)
    points = []
    for place, amount in enumerate(ordered):
        height = HEIGHT - amount * HEIGHT // most
        points += [
            f"{place * WIDTH // len(ordered)},{height}",
            f"{(place + 1) * WIDTH // len(ordered)},{height}",
        ]
    ticks = [Tick(HEIGHT - HEIGHT * n // TICKS, most * n // TICKS) for n in range(1, TICKS + 1)]
    return Curve(" ".join(points), ticks, WIDTH, HEIGHT)


def _range(row: Group, longest: int, networks: list[str]) -> Range:
    gas = row.execution_gas
    return Range(
        name=row.name,
        sessions=row.sessions,
        requests=row.requests,
        p50=gas.p50,
        p95=gas.p95,
        max=gas.max,
        p50_at=gas.p50 * PERMILLE // longest,
        p95_at=gas.p95 * PERMILLE // longest,
        max_at=gas.max * PERMILLE // longest,
        fees=[f"{gwei(row.fees[name].total_wei.p50):,}" for name in networks],
    )


def _parts(mix: Mix) -> list[Part]:
    kinds = sorted(mix.transactions.items(), key=lambda pair: -pair[1].execution_gas)
    most = kinds[0][1].execution_gas
    return [
        Part(name, kind.count, kind.execution_gas, kind.execution_gas * PERMILLE // most)
        for name, kind in kinds
    ]
