# SPDX-License-Identifier: Apache-2.0
"""`cortensor rewards watch`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.epochs.options import epoch_options
from cortensor.epochs.serve_command import LOG_FORMAT
from cortensor.epochs.watching import RewardWatcher
from cortensor.errors import Error
from cortensor.watch.sending_key import key_from

if TYPE_CHECKING:
    from cortensor.epochs.place import RewardPlace
    from cortensor.epochs.settings import ObserveSettings
    from cortensor.epochs.watching import Seen

FOUND = 1

log = logging.getLogger(__name__)


@click.command("watch")
@epoch_options
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keeps what was computed, which spares reading earlier epochs again after a restart.",
)
@click.option(
    "--key-env",
    default="CORTENSOR_WATCH_KEY",
    show_default=True,
    help="Environment variable with a key that challenges; unset, nothing is sent.",
)
@click.option("--once", is_flag=True, help="One look; exit code 0 clean, 1 wrong root, 2 error.")
@click.option(
    "--poll",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0.05, 86_400),
    help="Seconds between looks.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding.")
@click.pass_context
def watch(
    ctx: click.Context,
    *,
    rpc_url: tuple[str, ...],
    place: RewardPlace,
    settings: ObserveSettings,
    folder: Path | None,
    key_env: str,
    once: bool,
    poll: float,
    as_json: bool,
) -> None:
    """Compute every epoch that is posted; challenge a wrong root, or say that only a veto helps."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    watcher = RewardWatcher(rpc_url, place, settings, folder, key_from(key_env))
    if once:
        seen = watcher.look()
        _show(seen, as_json=as_json)
        ctx.exit(0 if seen.is_clean else FOUND)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    said: Seen | None = None
    while not stop.is_set():
        try:
            seen = watcher.look()
            if seen != said:
                _show(seen, as_json=as_json)
            said = seen
        except Error as error:
            log.warning("look failed, will be tried again: %s", error)
        stop.wait(poll)


def _show(seen: Seen, *, as_json: bool) -> None:
    click.echo(msgspec.json.encode(seen).decode() if as_json else seen.line())
    sys.stdout.flush()
