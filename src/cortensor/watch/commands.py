# SPDX-License-Identifier: Apache-2.0
"""`cortensor watch`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.chain.options import place_of, place_options
from cortensor.pricing import parse_cor
from cortensor.store.address import database_option
from cortensor.watch.fetch import MAX_BYTES, FetchLimits
from cortensor.watch.report import lines
from cortensor.watch.sending_key import key_from
from cortensor.watch.service import Job, run_for_ever, run_once
from cortensor.watch.settings import Settings

if TYPE_CHECKING:
    from cortensor.store.address import DatabaseAddress
    from cortensor.watch.report import PassReport

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
FOUND = 1


@click.command("watch")
@place_options
@click.option(
    "--state",
    "state_path",
    default="watch.db",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The watcher's own file; made if missing.",
)
@click.option(
    "--router",
    "routers",
    multiple=True,
    type=click.IntRange(1, 2**32 - 1),
    help="Watch this router; repeat for more. All by default.",
)
@click.option(
    "--from-block",
    type=click.IntRange(0),
    help="Where to begin with a new state; by default where the records say it was deployed.",
)
@click.option(
    "--confirmations",
    default=5,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="Blocks below the head that are not looked at.",
)
@click.option(
    "--patience",
    default=3600,
    show_default=True,
    type=click.IntRange(0),
    help="Seconds that a missing leaf is waited for before it is demanded.",
)
@click.option(
    "--max-task",
    default=3600,
    show_default=True,
    type=click.IntRange(0),
    help="Seconds that work takes at most: what is priced at an older surcharge is noted.",
)
@click.option(
    "--max-deposits",
    default=4,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Most own demands open at once; each has a deposit at risk.",
)
@click.option(
    "--spot-check-bps",
    default=0,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Of 10,000 leaves of sessions with a key that are published without their request"
    " signature, how many are demanded.",
)
@click.option(
    "--spot-check-budget",
    default="100",
    show_default=True,
    help="Most COR of deposits that spot checks put at risk in a day.",
)
@click.option("--mirror", help="Where batches can be had, too: a URL to which the root is added.")
@click.option("--allow-private", is_flag=True, help="Fetch from private addresses as well.")
@click.option(
    "--fetch-timeout",
    default=30,
    show_default=True,
    type=click.IntRange(1, 600),
    help="Seconds for a batch.",
)
@click.option(
    "--receipts",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of receipts or bundles to compare with what is anchored.",
)
@click.option(
    "--answer-for-ledger",
    "ledger",
    type=database_option,
    help="Database of your router, a file or a postgresql:// URL: answer the demands made on it.",
)
@click.option(
    "--key-env",
    default="CORTENSOR_WATCH_KEY",
    show_default=True,
    help="Environment variable with the key that acts; unset, nothing is sent.",
)
@click.option("--dry-run", is_flag=True, help="Only report.")
@click.option(
    "--cor-per-coin",
    help="What a gas coin is worth in COR: challenges that cost more than they earn are left.",
)
@click.option("--once", is_flag=True, help="One pass; exit code 0 clean, 1 finding, 2 error.")
@click.option(
    "--poll",
    default=15,
    show_default=True,
    type=click.IntRange(1, 86_400),
    help="Seconds between passes.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a pass.")
@click.pass_context
def watch(
    ctx: click.Context,
    *,
    rpc_url: tuple[str, ...],
    deployments: Path | None,
    session_payment: str | None,
    state_path: Path,
    routers: tuple[int, ...],
    from_block: int | None,
    confirmations: int,
    patience: int,
    max_task: int,
    max_deposits: int,
    spot_check_bps: int,
    spot_check_budget: str,
    mirror: str | None,
    allow_private: bool,
    fetch_timeout: int,
    receipts: Path | None,
    ledger: DatabaseAddress | None,
    key_env: str,
    dry_run: bool,
    cor_per_coin: str | None,
    once: bool,
    poll: int,
    as_json: bool,
) -> None:
    """Recompute every anchored batch; challenge what is wrong, demand what is hidden."""
    place = place_of(deployments, session_payment)
    job = Job(
        rpc_url=rpc_url,
        session_payment=place.session_payment,
        chain_id=place.chain_id,
        state=state_path,
        settings=Settings(
            from_block=place.first_block if from_block is None else from_block,
            confirmations=confirmations,
            routers=routers,
            patience_s=patience,
            max_task_s=max_task,
            max_deposits=max_deposits,
            spot_check_bps=spot_check_bps,
            spot_check_budget_wei=parse_cor(spot_check_budget, "spot-check-budget"),
            mirror=mirror,
            is_dry=dry_run,
            cor_wei_per_coin=None
            if cor_per_coin is None
            else parse_cor(cor_per_coin, "cor-per-coin"),
            limits=FetchLimits(MAX_BYTES, float(fetch_timeout), allow_private),
        ),
        key=key_from(key_env),
        receipts=receipts,
        ledger=ledger,
    )
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    if once:
        report = run_once(job)
        _show(report, as_json=as_json)
        ctx.exit(0 if report.is_clean else FOUND)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_for_ever(job, float(poll), stop, lambda report: _show(report, as_json=as_json))


def _show(report: PassReport, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
    else:
        for line in lines(report):
            click.echo(line)
    sys.stdout.flush()
