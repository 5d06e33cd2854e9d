# SPDX-License-Identifier: Apache-2.0
"""`ape run router`: the router on the network that Ape is connected to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from ape.cli import network_option

from cortensor.errors import Error
from scripts._deploy.command import NetworkCommand
from scripts._deploy.compiler import ROOT
from scripts._deploy.target import connected

DEFAULT_CONFIG = ROOT / "config" / "router.toml"


@click.command(cls=NetworkCommand)
@network_option()
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIG,
    help="The router's TOML; default: config/router.toml.",
)
@click.option("--deployments", help="Folder of records; default: deployments/<network>.")
@click.option("--host", help="Instead of the configured address.")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of the configured port.")
def cli(
    provider: Any,
    config_file: Path,
    deployments: str | None,
    host: str | None,
    port: int | None,
) -> None:
    """Run a router until Ctrl-C; node and contracts are the connected network's."""
    from cortensor.router.commands import serve  # noqa: PLC0415 -- every `ape run` loads this file
    from cortensor.router.config import load_config  # noqa: PLC0415 -- every `ape run` loads this file

    try:
        overrides = connected(provider, deployments, "a router")
        serve(load_config(config_file, overrides), host, port)
    except Error as error:
        raise click.ClickException(str(error)) from error
