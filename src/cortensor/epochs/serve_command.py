# SPDX-License-Identifier: Apache-2.0
"""`cortensor rewards serve`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cortensor.epochs.job import Job
from cortensor.epochs.options import epoch_options
from cortensor.epochs.sharing import shared
from cortensor.errors import InvalidInput
from cortensor.store.address import database_option
from cortensor.watch.sending_key import key_from

if TYPE_CHECKING:
    from cortensor.epochs.place import RewardPlace
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.store.address import DatabaseAddress

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command("serve")
@epoch_options
@click.option(
    "--folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where each epoch leaves its folder.",
)
@click.option("--public-url", help="Where others reach that folder; needed unless it is local.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Serves the folder here.")
@click.option("--port", default=5020, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--database",
    type=database_option,
    help="Signed transactions: a file (rewards.db in the folder) or a PostgreSQL URL.",
)
@click.option(
    "--workflows",
    help="Of DBOS: an SQLAlchemy URL; by default a SQLite file in the folder.",
)
@click.option(
    "--key-env",
    default="CORTENSOR_REWARDS_KEY",
    show_default=True,
    help="Environment variable with the bonded proposer's key.",
)
@click.option(
    "--poll",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.05, 86_400),
    help="Seconds between looks at the chain.",
)
@click.option("--no-pay", is_flag=True, help="Leave paying, levels and sweeping to others.")
def serve(
    *,
    rpc_url: tuple[str, ...],
    place: RewardPlace,
    settings: ObserveSettings,
    folder: Path,
    public_url: str | None,
    host: str,
    port: int,
    database: DatabaseAddress | None,
    workflows: str | None,
    key_env: str,
    poll: float,
    no_pay: bool,
) -> None:
    """Fund, open, post, watch, finalise, pay and at last sweep each epoch; killed, it goes on."""
    # Here: DBOS takes a second to import.
    from cortensor.epochs.serving import serve as run  # noqa: PLC0415

    key = key_from(key_env)
    if key is None:
        raise InvalidInput(f"the environment variable ${key_env} is not set", field="key-env")
    folder = folder.resolve()
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    # At once: nothing needs an end in order, and whoever is killed goes on later.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    with shared(folder, host, port) as url:
        click.echo(url)
        run(
            Job(
                rpc_url=rpc_url,
                place=place,
                folder=folder,
                settings=settings,
                key=key,
                database=folder / ".rewards.db" if database is None else database,
                workflows=workflows or f"sqlite:///{folder / '.workflows.db'}",
                uri_base=public_url or url,
                poll_s=poll,
                pays=not no_pay,
            ),
            threading.Event(),
        )
