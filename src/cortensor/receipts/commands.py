# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt`: verify receipts, show what is in one, pass on less of it, run it again."""

from __future__ import annotations

import json
from importlib import import_module

import click
from rich.console import Console

from cortensor.errors import Error
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.redact_command import redact
from cortensor.receipts.show import plain, receipt_view
from cortensor.receipts.sources import Router, read_source
from cortensor.receipts.verify_command import BAD_INPUT, verify

RERUN = "rerun"


class ReceiptGroup(click.Group):
    """The subcommands; `rerun` needs what makes a router's prompts, and is loaded when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every subcommand's name."""
        return sorted([*super().list_commands(ctx), RERUN])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, or None if there is none of that name."""
        if cmd_name != RERUN:
            return super().get_command(ctx, cmd_name)
        command = import_module("cortensor.router.rerun_command").rerun
        return command if isinstance(command, click.Command) else None


@click.group(cls=ReceiptGroup)
def receipt() -> None:
    """Show, verify, redact and re-run receipts."""


@receipt.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print the receipt body as JSON.")
@click.pass_context
def show(ctx: click.Context, file: str, *, as_json: bool) -> None:
    """Show what a bundle says, without verifying it."""
    try:
        bundle = Bundle.from_json(read_source(file, Router()))
    except Error as error:
        click.echo(f"{file}: unreadable: {plain(str(error))}", err=True)
        ctx.exit(BAD_INPUT)
    if as_json:
        click.echo(json.dumps(bundle.receipt.to_json(), indent=2))
        return
    Console().print(receipt_view(bundle))


receipt.add_command(verify)
receipt.add_command(redact)
