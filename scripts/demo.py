# SPDX-License-Identifier: Apache-2.0
"""`ape run demo`: a dozen real jobs, agreed on, paid in three ways, verified; each wei found."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cortensor.errors import Error
from scripts._demo.jobs import JOBS, Job
from scripts._demo.report import GWEI, fundings_table, jobs_table, vote_dots, write_html
from scripts._demo.run import Options, Stage, run

DEFAULT_FOLDER = Path("runs") / "demo"


@click.command()
@click.option(
    "--backend", help="Base URL of an OpenAI-compatible server, instead of the embedded model."
)
@click.option("--model", help="The model's name on that server.")
@click.option(
    "--out", "folder", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_FOLDER
)
@click.option(
    "--kill-router-after", "kill_after", type=click.IntRange(0), help="Kill -9 after N jobs."
)
@click.option(
    "--jobs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=JOBS,
    help="Jobs of your own, in the form of examples/jobs.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
def cli(
    backend: str | None,
    model: str | None,
    folder: Path,
    kill_after: int | None,
    jobs: Path,
    as_json: bool,
) -> None:
    """One paid, agreed, anchored, verified answer, a dozen times, on this machine."""
    if (backend is None) != (model is None):
        raise click.UsageError("--backend and --model go together")
    # SIGTERM ends like Ctrl-C: through every `finally`, so that no child is left.
    signal.signal(signal.SIGTERM, _interrupt)
    options = Options(_fresh(folder), backend, model, kill_after, jobs)
    console = Console(stderr=as_json)
    if not console.is_terminal:
        console.width = 132  # a log file has no width of its own
    try:
        result = _watched(options, console)
    except Error as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        console.print("stopped; every process was ended")
        sys.exit(130)
    page = folder / "report.html"
    write_html(result, page)
    (folder / "result.json").write_text(json.dumps(result, indent=1), "utf-8")
    if as_json:
        click.echo(json.dumps(result))
    else:
        _print(result, page, console)
    if not _is_good(result):
        sys.exit(1)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _fresh(folder: Path) -> Path:
    """Empty a folder of an earlier demo; never one of anything else."""
    marker = folder / ".cortensor-demo"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise click.UsageError(f"{folder} is not empty and not from an earlier demo")
    if marker.exists():
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return folder.resolve()


def _watched(options: Options, console: Console) -> dict[str, Any]:
    """Run the demo with a live display on a terminal, and with one line a step elsewhere."""
    if not console.is_terminal:
        shown: set[str] = set()

        def show_line(jobs: Sequence[Job]) -> None:
            for job in jobs:
                if job.answer and job.name not in shown:
                    shown.add(job.name)
                    console.print(Text(f"  {job.name:<16}") + vote_dots(job.replicas))

        return run(options, Stage(lambda line: console.print(f"… {line}"), show_line))

    steps: list[str] = []
    seen: list[Job] = []
    # Gone when the result is there, so that the result is one screen.
    with Live(console=console, refresh_per_second=8, transient=True) as live:

        def refresh() -> None:
            live.update(Group(*(Text(f"… {step}", "dim") for step in steps), _progress(seen)))

        def say(line: str) -> None:
            steps.append(line)
            refresh()

        def show(jobs: Sequence[Job]) -> None:
            seen[:] = jobs
            refresh()

        return run(options, Stage(say, show))


def _progress(jobs: Sequence[Job]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for job in jobs:
        if not job.replicas:
            continue
        said = Text("")
        if job.answer:
            result = job.answer.get("result", {})
            text = result.get("verdict") or result.get("output") or "no consensus"
            confidence = job.answer["consensus"]["confidence"]
            said = Text.assemble(" ".join(str(text).split())[:60], (f"  {confidence:.0%}", "dim"))
        table.add_row(f"  {job.name}", vote_dots(job.replicas), said)
    return table


def _print(result: dict[str, Any], page: Path, console: Console) -> None:
    settlement, accounting = result["settlement"], result["accounting"]
    console.print()
    console.print(jobs_table(result))
    console.print()
    price = int(settlement["gas_price_wei"]) / GWEI
    console.print(
        f"{settlement['count']} receipts anchored and settled in {settlement['transactions']} "
        f"transactions: {settlement['gas_used']:,} gas; fees at {price:g} gwei, data not included"
    )
    console.print(fundings_table(result))
    console.print()
    for attack in result["attacks"]:
        verdict = ("caught", "green") if attack["caught"] else ("NOT CAUGHT", "bold red")
        console.print(Text.assemble(verdict, f": {attack['name']}"))
        for proof in attack["proofs"]:
            console.print(Text(proof["said"], "dim"))
    for job in result["not_charged"]:
        console.print(Text(f"not charged: {job['name']}: {job['why']}", "yellow"))
    for line in (accounting["statement"], accounting["bond_statement"]):
        console.print(Text(line, "green" if accounting["exact"] else "bold red"))
    console.print(f"report: {page}")


def _is_good(result: dict[str, Any]) -> bool:
    return (
        all(job["verified"] for job in result["jobs"])
        and all(attack["caught"] for attack in result["attacks"])
        and bool(result["accounting"]["exact"])
    )
