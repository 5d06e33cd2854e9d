# SPDX-License-Identifier: Apache-2.0
"""The demo's result as a page for a browser and a table for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from rich.console import Console
from rich.table import Table
from rich.text import Text

HERE = Path(__file__).parent


def write_html(result: dict[str, Any], path: Path) -> None:
    """Write one self-contained page: no script, no request, light and dark.

    Args:
        result: what `ape run demo --json` prints.
        path: the file to write.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined
    )
    path.write_text(environment.get_template("report.html.j2").render(r=result), "utf-8")


def vote_dots(replicas: list[dict[str, Any]]) -> Text:
    """Return one mark a replica: agreed, dissented, failed, still running."""
    marks = Text()
    for replica in replicas:
        if replica["status"] == "RUNNING":
            marks.append("· ", "dim")
        elif replica["status"] != "OK":
            marks.append("✗ ", "red")
        elif replica["winner"]:
            marks.append("● ", "blue")
        else:
            marks.append("○ ", "dim")
    return marks


def print_table(result: dict[str, Any], console: Console) -> None:
    """Print a row a job."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("job", "answer", "votes"):
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for name in ("agree", "conf.", "replicas", "ms", "charge COR", "gas share"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("receipt", no_wrap=True)
    for job in result["jobs"]:
        mark = {True: "✓ ", False: "✗ ", None: ""}[job["correct"]]
        table.add_row(
            job["name"],
            Text.assemble((mark, "green" if job["correct"] else "red"), job["answer_short"][:34]),
            vote_dots(job["replicas"]),
            f"{job['agreement_pct']}%",
            f"{job['confidence_pct']}%",
            str(len(job["replicas"])),
            f"{job['ms']:,}",
            job["charge_cor"],
            f"{result['settlement']['gas_share']:,}",
            Text("verified", "green") if job["verified"] else Text("FAILED", "red"),
        )
    console.print(table)
