# SPDX-License-Identifier: Apache-2.0
"""`ape run lines`: which source line each instruction comes from, for flame graphs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from cortensor.errors import Error
from scripts._deploy.compiler import SOURCES
from scripts._gas.line_maps import LINES_FOLDER, line_map_of


@click.command()
@click.argument("contracts", nargs=-1, metavar="[CONTRACT]...")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=LINES_FOLDER,
    help="The folder to write to; default: .build/lines.",
)
def cli(contracts: tuple[str, ...], out: Path) -> None:
    """Write line maps of contracts as their sources are now, by default of all."""
    unknown = sorted(set(contracts) - SOURCES.keys())
    if unknown:
        raise click.ClickException(f"no contract {unknown[0]}; there are {', '.join(SOURCES)}")
    try:
        for name in contracts or SOURCES:
            found = line_map_of(name, out)
            shown = os.path.relpath(out / f"{name}.json")
            click.echo(f"{shown}: {len(found.functions)} functions, {len(found.lines)} lines")
    except Error as error:
        raise click.ClickException(str(error)) from error
