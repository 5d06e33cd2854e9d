# SPDX-License-Identifier: Apache-2.0
"""How far a measurement is: a bar on a terminal, a line at the start where there is none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scripts._gas.scenario import Scenario

Step = Callable[[str], None]


@contextlib.contextmanager
def progress(what: str, total: int) -> Iterator[Step]:
    """Yield what to call after each of so many steps, with the name of what was done.

    It is told on stderr, so that stdout stays the result's.
    """
    if not sys.stderr.isatty():
        click.echo(f"measuring {what}, {total} in all", err=True)
        yield lambda _name: None
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, at="")
        yield lambda name: bar.update(task, advance=1, at=name)


def watched(scenarios: Iterable[Scenario], step: Step) -> Iterator[Scenario]:
    """Yield scenarios as they come, and tell each."""
    for scenario in scenarios:
        step(scenario.name)
        yield scenario
