# SPDX-License-Identifier: Apache-2.0
"""The lines of what a session of a mix pays, by network: in gwei, and the whole in other coins."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cortensor.gas.coins import HEADS, short
from cortensor.gas.cost_lines import BATCH_SHARE, DATA, EXECUTION
from cortensor.gas.measured import GWEI
from cortensor.gas.report_costs import Priced

if TYPE_CHECKING:
    from cortensor.gas.mix import Mix, WeiAmounts

RANKS = ("p50", "p95", "max")
PAID = {EXECUTION: "execution", DATA: "data"}
"""What lines are called where no header says it: in a router's own records."""

TOTAL = "total"


class LineRow(NamedTuple):
    """A line of a session's fee: gwei by rank, rounded up."""

    name: str
    gwei: list[int]


class NetworkLines(NamedTuple):
    """A network's lines; `coins` is half of the sessions' total in other coins, "" if unknown."""

    network: str
    rows: list[LineRow]
    coins: str


def networks_of(mix: Mix) -> list[str]:
    """Return the networks whose fees it has."""
    return sorted({name for rows in mix.tables.values() for row in rows for name in row.fees})


def lines_of(mix: Mix) -> list[NetworkLines]:
    """Return the lines of a session's fee, a network each; none if nothing is in the mix."""
    return [_lines(mix, name) for name in networks_of(mix)]


def gwei(wei: str) -> int:
    """Return wei in gwei, rounded up."""
    return -(-int(wei) // GWEI)


def _lines(mix: Mix, network: str) -> NetworkLines:
    (whole,) = mix.tables["session"]
    fee = whole.fees[network]
    told = _priced(mix)
    names = PAID if told is None else told.lines[network]
    rows = [_row(names[EXECUTION], fee.execution_wei), _row(names[DATA], fee.data_wei)]
    rows.append(_row(TOTAL, fee.total_wei))
    if fee.batch_share_wei is not None:
        rows.append(_row(f"{names[BATCH_SHARE]}, not charged", fee.batch_share_wei))
    coins = ""
    if told is not None:
        shown = short(int(fee.total_wei.p50), told.coins[network], told.prices)
        amounts = ", ".join(f"{text} {coin}" for text, coin in zip(shown, HEADS, strict=True))
        coins = f"A session's total, p50, is {amounts}: {told.sentence}."
    return NetworkLines(network, rows, coins)


def _row(name: str, amounts: WeiAmounts) -> LineRow:
    return LineRow(name, [gwei(getattr(amounts, rank)) for rank in RANKS])


def _priced(mix: Mix) -> Priced | None:
    try:
        return msgspec.convert(mix.header, Priced)
    except msgspec.ValidationError:
        return None
