# SPDX-License-Identifier: Apache-2.0
"""A mix of traffic for people: tables on a terminal, and a table in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from cortensor.gas.allotment import DIMENSIONS
from cortensor.gas.mix_lines import RANKS, gwei, lines_of, networks_of

if TYPE_CHECKING:
    from rich.console import Console

    from cortensor.gas.mix import Group, Kind, Mix, WeiAmounts

BPS = 10_000


def show_mix(console: Console, mix: Mix) -> None:
    """Print a table by each dimension, and what the transactions were."""
    networks = networks_of(mix)
    # Gas and each network's fees apart: all in one would not fit a terminal of 80 columns.
    for dimension in DIMENSIONS:
        first, rows = f"by {dimension}", mix.tables[dimension]
        table = _table(first, "sessions", "requests", *(f"gas {rank}" for rank in RANKS))
        for row in rows:
            table.add_row(*_gas_cells(row))
        console.print(table)
        console.print()
    for network in networks:
        heads = [f"gwei {rank}" for rank in RANKS]
        table = _table(network, *heads)
        for dimension in DIMENSIONS:
            for row in mix.tables[dimension]:
                table.add_row(row.name, *_fee_cells(row, network))
            table.add_section()
        console.print(table)
        console.print()
    for told in lines_of(mix):
        table = _table(f"{told.network}, a session", *(f"gwei {rank}" for rank in RANKS))
        for line in told.rows:
            table.add_row(line.name, *(f"{amount:,}" for amount in line.gwei))
        console.print(table)
        console.print(told.coins)
        console.print()
    kinds = _table("transaction", "count", "gas", _data_head(mix))
    fees = _table("transaction", *(f"{name} gwei" for name in networks))
    for name, kind in mix.transactions.items():
        shown = f"{name} (nobody's)" if name in mix.overhead else name
        kinds.add_row(shown, f"{kind.count:,}", f"{kind.execution_gas:,}", f"{_data(kind):,}")
        totals = (gwei(str(kind.fees[network].total_wei)) for network in networks)
        fees.add_row(shown, *(f"{total:,}" for total in totals))
    console.print(kinds)
    console.print()
    console.print(fees)
    console.print("\nFees are in gwei of the chain's own coin, data included.")
    console.print(data_sentence(mix))


def markdown(mix: Mix) -> str:
    """Return the tables as one of Markdown, with a row of its own before each dimension's."""
    networks = networks_of(mix)
    heads = ["", "sessions", "requests", *(f"gas, {rank}" for rank in RANKS)]
    heads += [f"{network}, gwei, {rank}" for network in networks for rank in RANKS]
    lines = [f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for dimension in DIMENSIONS:
        if dimension != "session":
            lines.append(f"| *by {dimension}* |" + " |" * (len(heads) - 1))
        lines += [f"| {' | '.join(_cells(row, networks))} |" for row in mix.tables[dimension]]
    for told in lines_of(mix):
        lines += ["", f"| {told.network}, gwei a session | {' | '.join(RANKS)} |"]
        lines.append("|---" + "|--:" * len(RANKS) + "|")
        for line in told.rows:
            amounts = " | ".join(f"{amount:,}" for amount in line.gwei)
            lines.append(f"| {line.name} | {amounts} |")
        if told.coins:
            lines += ["", told.coins]
    return "\n".join([*lines, "", data_sentence(mix)])


def data_sentence(mix: Mix) -> str:
    """Return how much of all fees is for data."""
    shares = []
    for network in networks_of(mix):
        parts = [each.fees[network] for each in mix.transactions.values()]
        total = sum(each.total_wei for each in parts)
        share = sum(int(each.data_wei) for each in parts) * BPS // total if total else 0
        shares.append(f"{share // 100}.{share % 100:02d} % on {network}")
    return f"Of the fees, data is {' and '.join(shares) or 'nothing'}, rounded down."


def _cells(row: Group, networks: list[str]) -> list[str]:
    fees = [cell for network in networks for cell in _fee_cells(row, network)]
    return [*_gas_cells(row), *fees]


def _gas_cells(row: Group) -> list[str]:
    gas = [f"{getattr(row.execution_gas, rank):,}" for rank in RANKS]
    return [row.name, f"{row.sessions:,}", f"{row.requests:,}", *gas]


def _fee_cells(row: Group, network: str) -> list[str]:
    total: WeiAmounts = row.fees[network].total_wei
    return [f"{gwei(getattr(total, rank)):,}" for rank in RANKS]


def _data_head(mix: Mix) -> str:
    is_paid = any(kind.poster_gas is not None for kind in mix.transactions.values())
    return "gas for data" if is_paid else "data units"


def _data(kind: Kind) -> int:
    return (kind.poster_units if kind.poster_gas is None else kind.poster_gas) or 0


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table
