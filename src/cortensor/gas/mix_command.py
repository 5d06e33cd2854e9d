# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas mix`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from cortensor.gas.mix import Mix, mix_of, mix_text
from cortensor.gas.mix_render import markdown, show_mix
from cortensor.gas.reading import read_json

MIX = Path("gas") / "mix.json"
METRIC = (
    "execution_gas and poster_gas: together the receipts' gasUsed; poster_gas is what the node "
    "says was for data; fees: at the price that was paid"
)


@click.command()
@click.option(
    "--database",
    help="A router's database, a file or a postgresql:// URL; only read. Its records, and not a "
    "mix that was drawn.",
)
@click.option(
    "--from",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=MIX,
    show_default=True,
    help="A mix that was drawn.",
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table in Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def mix(database: str | None, path: Path, *, as_markdown: bool, as_json: bool) -> None:
    """Show gas and fees by session, route, tier and validation path: p50, p95 and the most."""
    found = read_json(path, Mix) if database is None else _of_ledger(database)
    if as_json:
        click.echo(mix_text(found), nl=False)
    elif not found.transactions:
        click.echo("nothing is settled yet")
    elif as_markdown:
        click.echo(markdown(found))
    else:
        show_mix(Console(), found)


def _of_ledger(database: str) -> Mix:
    """Read a ledger; only here is the store loaded, which stands above this layer."""
    address = import_module("cortensor.store.address").database_option(database)
    opened: Any = import_module("cortensor.store.gas_mix").GasMix(address)
    with opened as ledger:
        return mix_of(ledger.allotment(), {"metric": METRIC, "source": str(address)})
