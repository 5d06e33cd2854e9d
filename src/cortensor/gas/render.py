# SPDX-License-Identifier: Apache-2.0
"""An estimate for people, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from cortensor.gas.coins import HEADS, exact, short
from cortensor.gas.estimate import BY_LIMIT, BY_NODE, GIVEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from cortensor.gas.estimate import Estimate
    from cortensor.gas.snapshot import Prices, Snapshot

NOT_CHARGED = "not charged:"
EXECUTION = {
    GIVEN: "as given",
    BY_NODE: "what the node wants for it now, an upper bound",
    BY_LIMIT: "the gas limit of the transaction, an upper bound",
}


def estimate_json(found: Estimate, snapshot: Snapshot, prices: Prices) -> dict[str, Any]:
    """Return an estimate as JSON data; amounts are strings, exact where the coin is the chain's."""
    total = {"gas": found.fee.gas_used, **exact(found.total_wei, snapshot.coin, prices)}
    return {
        "network": snapshot.network,
        "chain_id": snapshot.chain_id,
        "as_of": snapshot.as_of.isoformat(),
        "source": snapshot.source,
        "assumed": snapshot.assumed,
        "coin": snapshot.coin,
        "poster_units": found.fee.units,
        "base_fee_wei": str(found.fee.base_fee),
        "fee_cap_wei": str(found.fee_cap),
        "is_priced_out": found.is_priced_out,
        "price_per_unit_wei": snapshot.price_per_unit_wei,
        "execution_from": found.execution_from,
        "is_bound": found.is_bound,
        "lines": [
            {
                "name": line.name,
                "gas": line.gas,
                "is_charged": line.is_charged,
                **exact(line.wei, snapshot.coin, prices),
            }
            for line in found.lines
        ],
        "total": total,
        "prices": {"as_of": prices.as_of.isoformat(), "source": prices.source},
    }


def show_estimate(console: Console, found: Estimate, snapshot: Snapshot, prices: Prices) -> None:
    """Print an estimate: gas and wei, and then coins; side by side they would not fit."""
    total = "at most" if found.is_bound else "total"
    rows: list[_Row] = [(each.name, each.gas, each.wei) for each in found.lines if each.is_charged]
    rows.append((total, found.fee.gas_used, found.total_wei))
    posting = [each for each in found.lines if not each.is_charged]
    if posting:
        rows.append((NOT_CHARGED, None, None))
        rows += [(f"  {each.name}", each.gas, each.wei) for each in posting]
    console.print(f"{snapshot.network}, fees of {snapshot.as_of}", style="italic", highlight=False)
    in_wei, in_coins = _table("", "gas", "wei"), _table("", *HEADS)
    for name, gas, wei in rows:
        in_wei.add_row(name, "" if gas is None else f"{gas:,}", "" if wei is None else f"{wei:,}")
        cells = () if wei is None else short(wei, snapshot.coin, prices)
        in_coins.add_row(name, *cells)
    console.print(in_wei)
    console.print()
    console.print(in_coins)


def explained(found: Estimate, snapshot: Snapshot, prices: Prices) -> Iterator[str]:
    """Yield what the figures rest on, a line each."""
    yield f"Execution: {EXECUTION[found.execution_from]}."
    price = int(snapshot.price_per_unit_wei)
    yield f"Data: {found.fee.units:,} calldata units at {price:,} wei."
    yield f"Base fee: {found.fee.base_fee:,} wei."
    if found.is_priced_out:
        yield f"Its fee cap, {found.fee_cap:,} wei, is below the base fee: it would not be taken."
    yield f"Fees of {snapshot.as_of}: {snapshot.source}."
    if snapshot.assumed:
        yield f"Not measured, assumed: {', '.join(snapshot.assumed)}."
    yield f"Other coins: rounded up, at prices of {prices.as_of} ({prices.source})."


_Row = tuple[str, "int | None", "int | None"]


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table
