# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas report`."""

from __future__ import annotations

from pathlib import Path

import click

from cortensor.errors import InvalidInput
from cortensor.gas.baseline import diff
from cortensor.gas.diff_command import baseline_file
from cortensor.gas.kept_profiles import Profiles
from cortensor.gas.measured import Measurement
from cortensor.gas.mix import Mix
from cortensor.gas.reading import read_json
from cortensor.gas.report import Peers, page
from cortensor.gas.report_markdown import markdown as table

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
    help="Folder of scenarios.json, profile.json, mix.json, peers.json and baselines/phase2.json.",
)
@click.option(
    "--markdown",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a table for a review there, instead of the page.",
)
@click.option(
    "--base",
    help="With --markdown, only what changed since: a file, or the name of one in gas/baselines.",
)
def report(out: Path, folder: Path, markdown: Path | None, base: str | None) -> None:
    """Write what was measured as a page for a browser: it opens from disk, offline."""
    if base is not None and markdown is None:
        raise InvalidInput("is for --markdown; `cortensor gas diff` compares too", field="base")
    measured = read_json(folder / "scenarios.json", Measurement)
    profiles = read_json(folder / "profile.json", Profiles)
    if markdown is not None:
        before = None if base is None else read_json(baseline_file(base), Measurement)
        moved = None if before is None else diff(before, measured)
        written, text = markdown, table(measured, profiles, moved)
    else:
        phase2 = read_json(folder / "baselines" / "phase2.json", Measurement)
        peers = read_json(folder / "peers.json", Peers)
        mix = read_json(folder / "mix.json", Mix)
        written, text = out, page(measured, phase2, peers, profiles, mix)
    written.write_text(text, "utf-8")
    click.echo(f"wrote {written}")
