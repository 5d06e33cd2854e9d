# SPDX-License-Identifier: Apache-2.0
"""The report's costs: each line of a fee in wei, and what is charged in ETH, COR and US dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from cortensor.errors import InvalidInput
from cortensor.gas.coins import HEADS, short
from cortensor.gas.snapshot import Prices  # noqa: TC001 -- msgspec reads the annotations

if TYPE_CHECKING:
    from cortensor.gas.measured import Measurement, Parts


class Priced(Struct, frozen=True):
    """What a measurement's header says of money, each by network but for the prices of coins."""

    fees: dict[str, str]
    lines: dict[str, dict[str, str]]
    coins: dict[str, str]
    prices: Prices

    @property
    def sentence(self) -> str:
        """At which prices other coins are."""
        return f"other coins, rounded up, at prices of {self.prices.as_of} ({self.prices.source})"


class Cell(NamedTuple):
    """A cell: what it sorts by, in wei, and what it shows."""

    wei: int
    text: str


class CostTable(NamedTuple):
    """A network's costs: headings, and a row of cells by scenario."""

    network: str
    at: str
    heads: list[str]
    rows: dict[str, list[Cell]]


def priced(measured: Measurement) -> Priced:
    """Return what a header says of money.

    Raises:
        InvalidInput: it says nothing of that, as before the lines had names (`other_measure`).
    """
    try:
        return msgspec.convert(measured.header, Priced)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            f"says no prices: {error}; `ape run gas` measures anew",
            field="header",
            code="other_measure",
        ) from error


def cost_tables(measured: Measurement) -> list[CostTable]:
    """Return a table a network, of every scenario that posts data. Raises as `priced`."""
    told = priced(measured)
    return [_table(name, told, measured) for name in sorted(told.lines)]


def _table(network: str, told: Priced, measured: Measurement) -> CostTable:
    lines = told.lines[network]
    rows = {
        name: _cells(row.fees[network], network, told)
        for name, row in measured.scenarios.items()
        if network in row.fees
    }
    heads = [f"{line}, wei" for line in lines.values()] + list(HEADS)
    return CostTable(network, told.fees[network], heads, rows)


def _cells(parts: Parts, network: str, told: Priced) -> list[Cell]:
    lines = [int(getattr(parts, field) or 0) for field in told.lines[network]]
    shown = short(parts.total_wei, told.coins[network], told.prices)
    return [
        *(Cell(wei, f"{wei:,}") for wei in lines),
        *(Cell(parts.total_wei, text) for text in shown),
    ]
