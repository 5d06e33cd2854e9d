# SPDX-License-Identifier: Apache-2.0
"""`ape run verify`: recompile and compare with the chain, byte for byte. Exit 1 on a mismatch."""

from __future__ import annotations

import json
from typing import Any

import click
from ape.cli import network_option
from rich.console import Console
from rich.table import Table

from cortensor.errors import Conflict, Error, NotFound
from scripts._deploy.checks import FAILED, Check, verify_node_pot, verify_record, verify_wiring
from scripts._deploy.command import NetworkCommand
from scripts._deploy.config import load_config
from scripts._deploy.records import Store, check_record
from scripts._deploy.target import Target, target_of


@click.command(cls=NetworkCommand)
@network_option()
@click.option("--config", "config_file", help="Parameters; default: config/<network>.toml.")
@click.option("--deployments", help="Folder of records; default: deployments/<network>.")
@click.option(
    "--cached", is_flag=True, help="Take what the same sources compiled to before; quicker."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
def cli(
    provider: Any, config_file: str | None, deployments: str | None, cached: bool, as_json: bool
) -> None:
    """Compare the deployed contracts with these sources and records."""
    try:
        checks = _verify(target_of(provider), config_file, deployments, fresh=not cached)
    except Error as error:
        raise click.ClickException(str(error)) from error
    failed = sum(check.status == FAILED for check in checks)
    if as_json:
        document = {"ok": failed == 0, "checks": [vars(check) for check in checks]}
        click.echo(json.dumps(document, indent=2))
    else:
        _print(checks)
        click.echo(f"{len(checks)} checks, {failed} failed")
    if failed:
        raise SystemExit(1)


def _verify(
    target: Target, config_file: str | None, deployments: str | None, *, fresh: bool
) -> list[Check]:
    config = load_config(target.config_path(config_file))
    target.check_chain(config)
    directory = target.directory(deployments, config)
    found = next(iter(sorted(directory.glob("[A-Z]*.json"))), None)
    if found is None:
        raise NotFound("no deployment records here", field=str(directory))
    record = json.loads(found.read_text())
    check_record(record, str(found))
    # A fork, or a rehearsal of one, may be checked against the records of the network it copies.
    network = record["network"]
    if network not in (target.network_name(config), config.network.name):
        raise Conflict(f"holds records of {network}", field=str(directory))
    records = Store(directory, network).load_all()
    checks = [
        check
        for entry in records.values()
        for check in verify_record(target.web3, entry, fresh=fresh)
    ]
    checks += verify_wiring(target.web3, records)
    return checks + verify_node_pot(records, config.roles.node_pot)


def _print(checks: list[Check]) -> None:
    # Hashes and addresses are there to be copied, so a narrow terminal wraps the whole line.
    table = Table(box=None, pad_edge=False)
    for column in ("contract", "check", "", "detail"):
        table.add_column(column, no_wrap=True)
    for check in checks:
        colour = "red" if check.status == FAILED else "green"
        table.add_row(
            check.contract, check.name, f"[{colour}]{check.status}[/{colour}]", check.detail
        )
    Console(width=160, soft_wrap=True).print(table)
