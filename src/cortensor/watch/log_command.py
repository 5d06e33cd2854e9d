# SPDX-License-Identifier: Apache-2.0
"""`cortensor log audit`: is an anchorer's log what is anchored, and has it only grown?"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from cortensor.chain.anchor import log_of
from cortensor.chain.options import rpc_option
from cortensor.errors import InvalidInput
from cortensor.watch.log_audit import Mirror, audit

FAILED = 1


@click.group("log")
def log() -> None:
    """Mirror and check the transparency log of an anchorer."""


@log.command("audit")
@click.argument("url")
@rpc_option
@click.option("--anchor", required=True, help="The address of ReceiptAnchor.")
@click.option("--anchorer", required=True, help="Whose log: a router's settler.")
@click.option(
    "--mirror",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps what was seen; created if missing.",
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.pass_context
def audit_log(
    ctx: click.Context,
    url: str,
    rpc_url: tuple[str, ...],
    anchor: str,
    anchorer: str,
    mirror: Path,
    as_json: bool,
) -> None:
    """Fetch what is new of the log at URL, and check all of it against the chain and the mirror.

    Exit code 1 if the log does not hold, 2 if it or the node does not answer.
    """
    name, contract = log_of(rpc_url, anchor, anchorer)
    try:
        found = audit(Mirror(url, mirror), name, contract)
    except InvalidInput as error:
        click.echo(f"the log does not hold: {error}", err=True)
        ctx.exit(FAILED)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    click.echo(
        f"{found.origin}: {found.entries} batches, {found.entries - found.before} of them new; all"
        f" are anchored as logged, and the log goes on from what was seen before"
    )
    if found.unproven:
        click.echo(
            f"{found.unproven} of them are only told in events; that the chain has them shows when"
            " the log has caught up"
        )
    behind = found.chain_number - found.entries
    if behind:
        click.echo(f"{behind} more are anchored and not logged yet")
