# SPDX-License-Identifier: Apache-2.0
"""`cortensor gas diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from cortensor.errors import NotFound
from cortensor.gas.baseline import diff as compare
from cortensor.gas.baseline import percent
from cortensor.gas.measured import Measurement
from cortensor.gas.reading import read_json

if TYPE_CHECKING:
    from cortensor.gas.baseline import Change, Diff

BASELINES = Path("gas") / "baselines"
SCENARIOS = Path("gas") / "scenarios.json"
SCENARIO_BPS, TOTAL_BPS = 100, 100
OVER = 1
NOT_HERE = "run this in the project's folder, or name a JSON file"


@click.command()
@click.argument("base")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    default=SCENARIOS,
    help="What to compare; default: gas/scenarios.json.",
)
@click.option(
    "--scenario-bps",
    type=click.IntRange(min=0),
    default=SCENARIO_BPS,
    show_default=True,
    help="What one scenario may grow, in basis points.",
)
@click.option(
    "--total-bps",
    type=click.IntRange(min=0),
    default=TOTAL_BPS,
    show_default=True,
    help="What the sum may grow, in basis points.",
)
@click.option(
    "--gone-ok",
    is_flag=True,
    help="Scenarios may be missing now: BASE is of another flow. New and gone ones are summed up.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def diff(
    ctx: click.Context,
    base: str,
    to: Path,
    scenario_bps: int,
    total_bps: int,
    *,
    gone_ok: bool,
    as_json: bool,
) -> None:
    """Compare gas with BASE, a file or the name of one in gas/baselines. Exit 1: over a budget."""
    found = compare(read_json(baseline_file(base), Measurement), read_json(to, Measurement))
    over = found.over(scenario_bps, total_bps, may_be_gone=gone_ok)
    if as_json:
        click.echo(json.dumps(_json(found, over), indent=2))
    else:
        _show(found, over, are_summed=gone_ok)
    if over:
        ctx.exit(OVER)


def baseline_file(base: str) -> Path:
    """Return a baseline's file: a JSON file, or the name of one in gas/baselines.

    Raises:
        NotFound: there is none of that name.
    """
    if base.endswith(".json"):
        return Path(base)
    path = BASELINES / f"{base}.json"
    if not path.is_file():
        known = sorted(each.stem for each in BASELINES.glob("*.json"))
        raise NotFound(
            f"no {path}; {'there are ' + ', '.join(known) if known else NOT_HERE}",
            field="base",
        )
    return path


def _json(found: Diff, over: list[str]) -> dict[str, Any]:
    return {
        "changes": [{**each._asdict(), "bps": each.bps} for each in found.changes],
        "units": [{**each._asdict(), "bps": each.bps} for each in found.units],
        "before": found.before,
        "after": found.after,
        "total_bps": found.total_bps,
        "over": over,
    }


def _show(found: Diff, over: list[str], *, are_summed: bool) -> None:
    console = Console()
    shown = [each for each in found.changes if each.bps is not None or not are_summed]
    if shown:
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("scenario", no_wrap=True)
        for column in ("before", "now", "change", ""):
            table.add_column(column, justify="right", no_wrap=True)
        for each in shown:
            table.add_row(*_cells(each))
        console.print(table)
    if are_summed:
        for word, gas in (("new", found.new), ("gone", found.gone)):
            if gas:
                console.print(f"{len(gas)} {word}, {sum(gas):,} gas in all")
    console.print(
        f"{len(found.changes)} changed; all that both have: {found.before:,} -> {found.after:,} "
        f"({percent(found.total_bps)})"
    )
    for sentence in over:
        console.print(f"over budget: {sentence}")


def _cells(change: Change) -> tuple[str, ...]:
    before, after, bps = change.before, change.after, change.bps
    if before is None or after is None or bps is None:
        shown = before if before is not None else after
        return (
            change.name,
            *(("", f"{shown:,}") if before is None else (f"{shown:,}", "")),
            "",
            ("new" if before is None else "gone"),
        )
    return change.name, f"{before:,}", f"{after:,}", f"{after - before:+,}", percent(bps)
