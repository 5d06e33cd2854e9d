# SPDX-License-Identifier: Apache-2.0
"""`cortensor receipt`: verify receipts, show one, pass on less of it, run it again, revoke it."""

from __future__ import annotations

import json
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
from rich.console import Console

from cortensor.errors import Error
from cortensor.receipts.bundle import Bundle
from cortensor.receipts.redact_command import redact
from cortensor.receipts.show import plain, receipt_view
from cortensor.receipts.sources import Router, read_source
from cortensor.receipts.verify_command import BAD_INPUT, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

ROUTERS: Mapping[str, str] = MappingProxyType(
    {
        "rerun": "cortensor.router.rerun_command:rerun",
        "revoke": "cortensor.router.revoke_command:revoke",
    }
)
"""Subcommands that need parts of a router -> module:attribute."""


class ReceiptGroup(click.Group):
    """The subcommands; those that need a router's parts are loaded when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every subcommand's name."""
        return sorted([*super().list_commands(ctx), *ROUTERS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, or None if there is none of that name."""
        if cmd_name not in ROUTERS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = ROUTERS[cmd_name].partition(":")
        command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None


@click.group(cls=ReceiptGroup)
def receipt() -> None:
    """Show, verify, redact, re-run and revoke receipts."""


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
