# SPDX-License-Identifier: Apache-2.0
"""An estimate for people, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from cortensor.pricing import format_cor

if TYPE_CHECKING:
    from cortensor.gas.estimate import Estimate, Line
    from cortensor.gas.snapshot import Prices, Snapshot

COINS = ("ETH", "COR")
MICRO = 1_000_000


def estimate_json(found: Estimate, snapshot: Snapshot, prices: Prices) -> dict[str, Any]:
    """Return an estimate as JSON data; amounts are strings, exact where the coin is the chain's."""
    total = {"gas": found.fee.gas_used, **amounts(found.total_wei, snapshot.coin, prices)}
    return {
        "network": snapshot.network,
        "chain_id": snapshot.chain_id,
        "as_of": snapshot.as_of.isoformat(),
        "source": snapshot.source,
        "assumed": snapshot.assumed,
        "coin": snapshot.coin,
        "poster_units": found.fee.units,
        "base_fee_wei": str(found.fee.base_fee),
        "price_per_unit_wei": snapshot.price_per_unit_wei,
        "is_bound": found.is_bound,
        "lines": [
            {
                "name": line.name,
                "gas": line.gas,
                "is_charged": line.is_charged,
                **amounts(line.wei, snapshot.coin, prices),
            }
            for line in found.lines
        ],
        "total": total,
        "prices": {"as_of": prices.as_of.isoformat(), "source": prices.source},
    }


def amounts(wei: int, coin: str, prices: Prices) -> dict[str, str | None]:
    """Return an amount in wei, in each coin and in US dollars; None where no price is known."""
    micro_usd = prices.micro_usd_of(wei, coin)
    shown: dict[str, str | None] = {"wei": str(wei)}
    for each in COINS:
        shown[each.lower()] = format_cor(wei) if each == coin else _in(each, wei, coin, prices)
    shown["usd"] = None if micro_usd is None else _usd(micro_usd)
    return shown


def _in(coin: str, wei: int, given: str, prices: Prices) -> str | None:
    """Return an amount of one coin in another, in wei of that rounded up."""
    price, other = prices.micro_usd.get(given), prices.micro_usd.get(coin)
    return None if not price or not other else format_cor(-(-wei * price // other))


def _usd(micro: int) -> str:
    return f"{micro // MICRO}.{micro % MICRO:06d}"


def estimate_table(found: Estimate, snapshot: Snapshot, prices: Prices) -> Table:
    """Return an estimate as a table."""
    table = Table(title=f"{snapshot.network}, fees of {snapshot.as_of}", title_justify="left")
    table.add_column("")
    for heading in ("gas", "wei", *COINS, "USD"):
        table.add_column(heading, justify="right", overflow="fold")
    for line in found.lines:
        _row(table, line.name, line.gas, amounts(line.wei, snapshot.coin, prices), line)
    table.add_section()
    total = amounts(found.total_wei, snapshot.coin, prices)
    _row(table, "at most" if found.is_bound else "total", found.fee.gas_used, total, None)
    return table


def _row(
    table: Table, name: str, gas: int | None, shown: dict[str, str | None], line: Line | None
) -> None:
    cells = [f"{int(shown['wei'] or 0):,}"]
    cells += [shown[key] or "?" for key in ("eth", "cor", "usd")]
    style = "dim" if line is not None and not line.is_charged else None
    table.add_row(name, "" if gas is None else f"{gas:,}", *cells, style=style)
