# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas report`."""

from __future__ import annotations

from pathlib import Path

import click

from cortensor.gas.measured import Measurement
from cortensor.gas.mix import Mix
from cortensor.gas.reading import read_json
from cortensor.gas.report import Peers, page

GAS = Path("gas")


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("gas-report.html"),
    show_default=True,
    help="The page to write.",
)
@click.option(
    "--from",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=GAS,
    show_default=True,
    help="Folder of scenarios.json, peers.json, mix.json and baselines/phase2.json.",
)
def report(out: Path, folder: Path) -> None:
    """Write what was measured as a page for a browser: it opens from disk, offline."""
    text = page(
        read_json(folder / "scenarios.json", Measurement),
        read_json(folder / "baselines" / "phase2.json", Measurement),
        read_json(folder / "peers.json", Peers),
        read_json(folder / "mix.json", Mix),
    )
    out.write_text(text, "utf-8")
    click.echo(f"wrote {out}")
