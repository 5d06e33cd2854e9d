# SPDX-License-Identifier: Apache-2.0
"""The demo's result as a page for a browser and tables for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from rich.table import Table
from rich.text import Text

from cortensor.pricing import format_cor

HERE = Path(__file__).parent
GWEI = 10**9
MONEY = ("put_in", "paid", "back")


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


def jobs_table(result: dict[str, Any]) -> Table:
    """Return a row a job."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("job", "paid by", "answer", "votes"):
        table.add_column(name, no_wrap=name != "answer")
    for name in ("agree", "conf.", "ms", "charge COR"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("receipt", no_wrap=True)
    for job in result["jobs"]:
        mark = {True: "✓ ", False: "✗ ", None: ""}[job["correct"]]
        table.add_row(
            job["name"],
            job["funding"],
            _short((mark, "green" if job["correct"] else "red"), job["answer_short"][:34]),
            vote_dots(job["replicas"]),
            f"{job['agreement_pct']}%",
            f"{job['confidence_pct']}%",
            f"{job['ms']:,}",
            job["charge_cor"],
            Text("verified", "green") if job["verified"] else Text("FAILED", "red"),
        )
    return table


def fundings_table(result: dict[str, Any]) -> Table:
    """Return a row a source of money, those of a funding together, and their sum.

    Gas and fee are those of the funding's settlement, split among its jobs.
    """
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("paid by", "with"):
        table.add_column(name, no_wrap=name != "with")
    for name in ("jobs", "gas a job", "fee a job", "COR put in", "paid for work", "given back"):
        table.add_column(name, justify="right", no_wrap=True)
    sources = result["accounting"]["sources"]
    for funding in result["fundings"]:
        cells = [
            funding["funding"],
            str(funding["jobs"]),
            f"{funding['gas_per_job']:,}",
            f"{int(funding['fee_per_job_wei']) // GWEI:,} gwei",
        ]
        for source in sources:
            if source["funding"] == funding["funding"]:
                money = (source[f"{key}_cor"] for key in MONEY)
                table.add_row(cells[0], _short(source["name"]), *cells[1:], *money)
                cells = [""] * len(cells)  # the funding's own, said once
    sums = (sum(int(source[f"{key}_wei"]) for source in sources) for key in MONEY)
    settlement = result["settlement"]
    fee = settlement["gas_share"] * int(settlement["gas_price_wei"]) // GWEI
    jobs = (str(settlement["count"]), f"{settlement['gas_share']:,}", f"{fee:,} gwei")
    table.add_row("all", "", *jobs, *map(format_cor, sums), style="bold")
    return table


def _short(*parts: str | tuple[str, str]) -> Text:
    """Return text that gives way when the terminal is narrow, alone of its row."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")
