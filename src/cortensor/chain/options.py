# SPDX-License-Identifier: Apache-2.0
"""The options by which a command is told which chain and which contracts it is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from msgspec import Struct

from cortensor.chain.book import AddressBook
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")

rpc_option = click.option(
    "--rpc",
    "rpc_url",
    metavar="URL",
    required=True,
    multiple=True,
    help="JSON-RPC endpoint of a node. Repeat for more of the same chain, the preferred first.",
)

_OPTIONS = (
    rpc_option,
    click.option(
        "--deployments",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of deployment records.",
    ),
    click.option("--session-payment", help="Instead of records: the escrow's address."),
)


class Place(Struct, frozen=True):
    """An escrow, the chain it must be on (None for any), and the block where its logs begin."""

    session_payment: str
    chain_id: int | None
    first_block: int


def place_options(command: F) -> F:
    """Give a command `rpc_url`, `deployments` and `session_payment`; the last two: `place_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def place_of(deployments: Path | None, session_payment: str | None) -> Place:
    """Return the place that one of two options names.

    Raises:
        InvalidInput: both are given or none, or what is given names no escrow.
    """
    if (deployments is None) == (session_payment is None):
        raise InvalidInput("give either --deployments or --session-payment", field="deployments")
    if deployments is None:
        given = session_payment or ""
        return Place(AddressBook.of(given, given, given).session_payment, None, 0)
    book = AddressBook.load(deployments)
    return Place(book.session_payment, book.chain_id, book.first_block)
