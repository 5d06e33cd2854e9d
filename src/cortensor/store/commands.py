# SPDX-License-Identifier: Apache-2.0
"""`cortensor costs` and `cortensor outbox`: what settlement cost, and what of it is still open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cortensor.pricing import format_cor, parse_cor
from cortensor.store.address import database_option as database
from cortensor.store.costs import Costs, total_of
from cortensor.store.open_work import open_work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.store.address import DatabaseAddress
    from cortensor.store.costs import By, CostLine

TITLES = ("receipts", "charged COR", "gas", "fee", "fee a receipt", "fee a COR charged")
NOTE = "Fees are wei of ETH."


database_option = click.option(
    "--database",
    required=True,
    type=database,
    help="The router's database, a file or a postgresql:// URL; only read.",
)


@click.command("costs")
@database_option
@click.option(
    "--by",
    type=click.Choice(["session", "route", "path"]),
    default="session",
    show_default=True,
    help="Payment session, how it was served, or how it was checked.",
)
@click.option(
    "--cor-per-eth", help="COR that one ETH buys: shows the fee as a share of the charge."
)
@click.option(
    "--spread", "spreads", is_flag=True, help="Spread releases over the receipts they were for."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def costs(
    database: DatabaseAddress, by: By, cor_per_eth: str | None, spreads: bool, as_json: bool
) -> None:
    """Show what settlement cost by session, route or validation path, and the overhead."""
    price = None if cor_per_eth is None else parse_cor(cor_per_eth, "cor-per-eth")
    with Costs(database) as ledger:
        lines = ledger.lines(by, spreads=spreads)
    total = total_of(lines)
    if as_json:
        found = {
            "by": by,
            "lines": [_plain(line, price) for line in lines if not line.is_overhead],
            "overhead": [_plain(line, price) for line in lines if line.is_overhead],
            "total": _plain(total, price),
        }
        click.echo(msgspec.json.encode(found).decode())
        return
    if not lines:
        click.echo("nothing is settled yet")
        return
    titles = (by, *TITLES) if price is None else (by, *TITLES, "fee/charge")
    click.echo(_table([titles, *(_row(line, price) for line in [*lines, total])]))
    click.echo(NOTE)


@click.command("outbox")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def outbox(database: DatabaseAddress, as_json: bool) -> None:
    """Show what is not settled yet or not final, why, and when it is tried again."""
    found = open_work(database)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    click.echo(
        f"{found.waiting.receipts} receipts wait, {format_cor(int(found.waiting.charged_wei))} COR"
    )
    for batch in found.batches:
        click.echo(
            f"batch {batch.root}: {batch.receipts} receipts of {batch.sessions} {batch.funding}"
            f" sessions, {format_cor(int(batch.charged_wei))} COR: "
            + _standing(batch.state, batch.reason, batch.tries, batch.next_at)
        )
    for total in found.totals:
        click.echo(
            f"session {total.session_id}: a total of {format_cor(int(total.cumulative_wei))} COR"
            f" by {total.funding}: "
            + _standing(total.state, total.reason, total.tries, total.next_at)
        )
    for settled in found.not_final:
        click.echo(
            f"batch {settled.root}: {settled.receipts} receipts anchored in block {settled.block}:"
            f" {settled.finality or 'settled'}, not final"
        )


def _standing(state: str, reason: str | None, tries: int, next_at: int | None) -> str:
    if reason is None:
        return "on its way"
    told = f"{reason} ({tries} times)"
    if next_at is None:
        return f"{told}, {state.replace('_', ' ')}"
    return f"{told}, tried again at {datetime.fromtimestamp(next_at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _row(line: CostLine, price: int | None) -> tuple[str, ...]:
    shown = (
        line.name,
        str(line.receipts),
        format_cor(line.charged_wei),
        str(line.gas),
        str(line.fee_wei),
        str(line.fee_per_receipt_wei),
        str(line.fee_per_cor_wei),
    )
    return shown if price is None else (*shown, _percent(line.share_bps(price)))


def _percent(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02} %"


def _plain(line: CostLine, price: int | None) -> dict[str, Any]:
    """Return a line as JSON data: money as decimal text, of which fees are wei of ETH."""
    found: dict[str, Any] = {
        "name": line.name,
        "receipts": line.receipts,
        "charged_wei": str(line.charged_wei),
        "gas": line.gas,
        "fee_wei": str(line.fee_wei),
        "fee_per_receipt_wei": str(line.fee_per_receipt_wei),
        "fee_per_cor_wei": str(line.fee_per_cor_wei),
    }
    return found if price is None else {**found, "fee_share_bps": line.share_bps(price)}


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as aligned text: names to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        name, *numbers = row
        cells = [name.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)
