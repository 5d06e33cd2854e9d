# SPDX-License-Identifier: Apache-2.0
"""`cortensor watch`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec import Struct

from cortensor.chain.book import SESSION_PAYMENT, AddressBook
from cortensor.errors import InvalidInput
from cortensor.pricing import parse_cor
from cortensor.receipts.sign import address_of
from cortensor.watch.fetch import MAX_BYTES, FetchLimits
from cortensor.watch.report import lines
from cortensor.watch.service import Job, run_for_ever, run_once
from cortensor.watch.settings import Settings

if TYPE_CHECKING:
    from cortensor.watch.report import PassReport

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
FOUND = 1


class _Record(Struct):
    """What is read of a deployment record to know where to begin."""

    contract: str
    block: int = 0


@click.command("watch")
@click.option("--rpc", "rpc_url", required=True, help="JSON-RPC endpoint of a node.")
@click.option(
    "--deployments",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of deployment records.",
)
@click.option("--session-payment", help="Instead of records: the escrow's address.")
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
    "--max-deposits",
    default=4,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Most own demands open at once; each has a deposit at risk.",
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
    type=click.Path(dir_okay=False, path_type=Path),
    help="Database of your router: answer the demands made on it.",
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
    rpc_url: str,
    deployments: Path | None,
    session_payment: str | None,
    state_path: Path,
    routers: tuple[int, ...],
    from_block: int | None,
    confirmations: int,
    patience: int,
    max_deposits: int,
    mirror: str | None,
    allow_private: bool,
    fetch_timeout: int,
    receipts: Path | None,
    ledger: Path | None,
    key_env: str,
    dry_run: bool,
    cor_per_coin: str | None,
    once: bool,
    poll: int,
    as_json: bool,
) -> None:
    """Recompute every anchored batch; challenge what is wrong, demand what is hidden."""
    payment, chain_id, first = _where(deployments, session_payment)
    job = Job(
        rpc_url=rpc_url,
        session_payment=payment,
        chain_id=chain_id,
        state=state_path,
        settings=Settings(
            from_block=first if from_block is None else from_block,
            confirmations=confirmations,
            routers=routers,
            patience_s=patience,
            max_deposits=max_deposits,
            mirror=mirror,
            is_dry=dry_run,
            cor_wei_per_coin=None
            if cor_per_coin is None
            else parse_cor(cor_per_coin, "cor-per-coin"),
            limits=FetchLimits(MAX_BYTES, float(fetch_timeout), allow_private),
        ),
        key=_key(key_env),
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


def _key(name: str) -> str | None:
    found = os.environ.get(name)
    if not found:
        return None
    address_of(found)  # refuses a malformed key without repeating it
    return found if found.startswith("0x") else f"0x{found}"


def _where(deployments: Path | None, session_payment: str | None) -> tuple[str, int | None, int]:
    """Return the escrow's address, its chain if known, and the block where to begin."""
    if (deployments is None) == (session_payment is None):
        raise InvalidInput("give either --deployments or --session-payment", field="deployments")
    if deployments is None:
        book = AddressBook.of(session_payment or "", session_payment or "", session_payment or "")
        return book.session_payment, None, 0
    book = AddressBook.load(deployments)
    return book.session_payment, book.chain_id, _first_block(deployments)


def _first_block(folder: Path) -> int:
    for path in sorted(folder.glob("*.json")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=_Record)
        except (OSError, msgspec.DecodeError):
            continue
        if record.contract == SESSION_PAYMENT:
            return record.block
    return 0
