# SPDX-License-Identifier: Apache-2.0
"""`cortensor demand`: make a router show a leaf, by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.chain.demanding import Demander
from cortensor.chain.options import place_of, place_options
from cortensor.errors import InvalidInput
from cortensor.pricing import format_cor, parse_cor
from cortensor.watch.sending_key import key_from

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cortensor.chain.demanding import Ended, Made, Prospect

SESSION = re.compile(r"0x[0-9a-fA-F]{40}")


@click.command(
    "demand",
    epilog="Example: cortensor demand SESSION 3 --rpc http://127.0.0.1:8545"
    " --deployments deployments/local --dry-run",
)
@click.argument("session")
@click.argument("index", default=0, type=click.IntRange(0, 2**64 - 1))
@place_options
@click.option(
    "--key-env",
    default="CORTENSOR_DEMAND_KEY",
    show_default=True,
    help="Environment variable with the key that pays deposit and gas.",
)
@click.option("--dry-run", is_flag=True, help="Only say what it would cost, and may bring.")
@click.option("--close", "is_close", is_flag=True, help="End the demand, when its time is over.")
@click.option(
    "--settled",
    help="With --close: the session's total when it was demanded, in COR; by default the present"
    " one.",
)
@click.option(
    "--timeout",
    default=120,
    show_default=True,
    type=click.IntRange(1, 3600),
    help="Seconds to wait for each transaction.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; money in wei, as strings.")
def demand(
    session: str,
    index: int,
    *,
    rpc_url: tuple[str, ...],
    deployments: Path | None,
    session_payment: str | None,
    key_env: str,
    dry_run: bool,
    is_close: bool,
    settled: str | None,
    timeout: int,
    as_json: bool,
) -> None:
    """Demand the leaf at INDEX of SESSION, or without INDEX that of its settled total.

    It puts the deposit at risk: a router that answers and was right keeps it. If nobody answers,
    the session is refunded and the deposit comes back with --close.
    """
    if not SESSION.fullmatch(session):
        raise InvalidInput("must be 0x and 40 hex digits", field="session")
    if dry_run and is_close:
        raise InvalidInput("--close has no dry run", field="dry-run")
    if settled is not None and not is_close:
        raise InvalidInput("goes with --close: a demand is of the present total", field="settled")
    total = None if settled is None else parse_cor(settled, "settled")
    place = place_of(deployments, session_payment)
    key = key_from(key_env)
    demander = Demander(rpc_url, place.session_payment, place.chain_id, key, float(timeout))
    number = int(session, 16)
    done: Prospect | Made | Ended
    if dry_run:
        done = demander.prospect(number, index)
        told = _prospect(done)
    elif is_close:
        done = demander.close(number, index, total)
        told = _ended(done)
    else:
        done = demander.demand(number, index)
        told = _made(done)
    if as_json:
        click.echo(msgspec.json.encode(done).decode())
        return
    for line in told:
        click.echo(line)


def _leaf(done: Prospect | Made | Ended) -> str:
    what = "the leaf of the settled total" if done.index == 0 else f"leaf {done.index}"
    return f"{what} of session {done.session_id}"


def _prospect(found: Prospect) -> Iterator[str]:
    yield f"would demand {_leaf(found)}, of which {_cor(found.settled_wei)} are settled"
    yield f"deposit: {_cor(found.deposit_wei)}, lost if the router answers and was right"
    yield f"if nobody answers: {_cor(found.refund_wei)} back to the session"
    if found.fee_wei is not None:
        yield f"gas: at most {format_cor(int(found.fee_wei))} of the gas coin"


def _made(made: Made) -> Iterator[str]:
    by = datetime.fromtimestamp(made.answer_by, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f"demanded {_leaf(made)}: {made.tx_hash}"
    yield f"deposit: {_cor(made.deposit_wei)}; to be answered by {by}"
    yield f"of a total of {_cor(made.settled_wei)}: to close it when more is settled, name that"


def _ended(ended: Ended) -> Iterator[str]:
    how = "was answered" if ended.is_answered else "was not answered: the session is refunded"
    yield f"closed the demand of {_leaf(ended)}, which {how}: {ended.tx_hash}"


def _cor(wei: str) -> str:
    return f"{format_cor(int(wei))} COR"
