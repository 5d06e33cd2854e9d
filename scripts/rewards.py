# SPDX-License-Identifier: Apache-2.0
"""`ape run rewards`: three reward epochs with a cheat, kills at every step, and every wei found."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from cortensor.errors import Error

DEFAULT_FOLDER = Path("runs") / "rewards"
MARKER = ".cortensor-rewards"


@click.command()
@click.option("--nodes", type=click.IntRange(8, 400), default=8, show_default=True)
@click.option(
    "--tasks", type=click.IntRange(1, 50), default=3, show_default=True, help="Of a node, an epoch."
)
@click.option(
    "--backend", help="Base URL of an OpenAI-compatible server, instead of the embedded model."
)
@click.option(
    "--out", "folder", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_FOLDER
)
@click.option("--workflows", help="SQLAlchemy URL of DBOS, instead of a SQLite file.")
@click.option("--database", help="PostgreSQL URL of signed transactions, instead of a file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def cli(
    nodes: int,
    tasks: int,
    backend: str | None,
    folder: Path,
    workflows: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Reward epochs from the nodes' work to the last wei, on a chain of this machine."""
    from scripts._rewards.run import Options, run  # noqa: PLC0415 -- every `ape run` loads this file
    from scripts._rewards.working import Backend  # noqa: PLC0415 -- every `ape run` loads this file

    # SIGTERM ends like Ctrl-C: through every `finally`, so that no child is left.
    signal.signal(signal.SIGTERM, _interrupt)
    options = Options(_fresh(folder), nodes, tasks, Backend(backend), workflows, database)
    try:
        result = run(options, lambda line: click.echo(f"… {line}", err=as_json))
    except Error as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("stopped; every process was ended", err=True)
        sys.exit(130)
    (options.folder / "result.json").write_text(json.dumps(result, indent=1), "utf-8")
    if as_json:
        click.echo(json.dumps(result))
    else:
        for epoch in result["epochs"]:
            killed = f", killed at {', '.join(epoch['killed'])}" if epoch["killed"] else ""
            click.echo(
                f"epoch {epoch['epoch']}: {epoch['receipts']} receipts, {epoch['nodes']} nodes,"
                f" {epoch['amount_wei']} wei; {epoch['state']}, verified{killed}"
            )
        swept = result["swept"]
        click.echo(
            f"epoch {swept['epoch']}: {swept['fetched']} wei fetched by their operator, the rest"
            f" swept in {swept['runs']} run(s); {swept['state']}, killed at"
            f" {', '.join(swept['killed'])}"
        )
        for cheat in result["cheats"]:
            click.echo(f"{'caught' if cheat['caught'] else 'NOT CAUGHT'}: {cheat['name']}")
        sent = result["transactions"]
        click.echo(f"the proposer sent {sent['sent']} transactions; {sent['wanted']} were wanted")
        click.echo(result["statement"])
        click.echo(f"reports: {options.folder / 'epochs'}/*/report.html")
    sent = result["transactions"]
    is_once = sent["sent"] == sent["wanted"]
    if not (result["exact"] and is_once and all(each["caught"] for each in result["cheats"])):
        sys.exit(1)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _fresh(folder: Path) -> Path:
    """Empty a folder of an earlier run; never one of anything else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise click.UsageError(f"{folder} is not empty and not from an earlier run")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    return folder.resolve()
