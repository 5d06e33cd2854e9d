# SPDX-License-Identifier: Apache-2.0
"""The options that commands of agents share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cortensor.agents.opening import secret
from cortensor.chain.caller import Caller
from cortensor.chain.options import rpc_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.agents.place import Place

F = TypeVar("F", bound="Callable[..., object]")

AGENT_KEY = "CORTENSOR_AGENT_KEY"

_PLACE = (
    rpc_option,
    click.option(
        "--deployments",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of deployment records; without it the chain's canonical registries.",
    ),
    click.option("--validator", help="The AgentValidator, where no record has it."),
)
_SENDING = (
    click.option(
        "--key-env",
        default=AGENT_KEY,
        show_default=True,
        help="Environment variable with the key that sends.",
    ),
    click.option(
        "--timeout",
        default=120,
        show_default=True,
        type=click.IntRange(1, 3600),
        help="Seconds to wait for each transaction.",
    ),
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FETCHING = (
    click.option("--allow-private", is_flag=True, help="Fetch from private addresses as well."),
    click.option(
        "--ipfs-gateway", help="Where ipfs:// URIs are fetched: an address before /ipfs/."
    ),
)


def _given(options: tuple[Callable[[F], F], ...], command: F) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def place_options(command: F) -> F:
    """Give a command `rpc_url`, `deployments` and `validator`."""
    return _given(_PLACE, command)


def sending_options(command: F) -> F:
    """Give a command `key_env` and `timeout`; see `caller_of`."""
    return _given(_SENDING, command)


def fetching_options(command: F) -> F:
    """Give a command `allow_private` and `ipfs_gateway`."""
    return _given(_FETCHING, command)


def caller_of(place: Place, key_env: str, timeout: int) -> Caller:
    """Return what sends from the key in a variable. Raises InvalidInput if it has none."""
    return Caller(place.web3, secret(key_env, is_key=True), float(timeout))
