# SPDX-License-Identifier: Apache-2.0
"""`ape run validator`: the validator service on the network that Ape is connected to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from ape.cli import network_option

from cortensor.errors import Error
from scripts._deploy.command import NetworkCommand
from scripts._deploy.compiler import ROOT
from scripts._deploy.target import connected

DEFAULT_CONFIG = ROOT / "config" / "validator.toml"


@click.command(cls=NetworkCommand)
@network_option()
@click.option(
    "--config",
    "config_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEFAULT_CONFIG,
    help="The service's TOML; default: config/validator.toml.",
)
@click.option("--deployments", help="Folder of records; default: deployments/<network>.")
@click.option("--router", "router_url", help="Instead of the configured router's address.")
@click.option("--session", help="Instead of the configured payment session.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each thing done.")
def cli(
    provider: Any,
    config_file: Path,
    deployments: str | None,
    router_url: str | None,
    session: str | None,
    as_json: bool,
) -> None:
    """Answer validation requests until Ctrl-C; node and contracts are the connected network's."""
    from cortensor.agents.serve_command import run_service  # noqa: PLC0415 -- every `ape run` loads this file
    from cortensor.agents.settings import load_settings  # noqa: PLC0415 -- every `ape run` loads this file

    try:
        overrides = {
            **connected(provider, deployments, "a validator"),
            "router_url": router_url,
            "session": session,
        }
        run_service(load_settings(config_file, overrides), as_json=as_json)
    except Error as error:
        raise click.ClickException(str(error)) from error
