# SPDX-License-Identifier: Apache-2.0
"""`cortensor agent serve`: the validator service."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cortensor.agents.opening import Opened
from cortensor.agents.settings import load_settings
from cortensor.agents.validating import Validator, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortensor.agents.settings import Settings
    from cortensor.agents.work import Event

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command("serve")
@click.option(
    "--config",
    "config_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The service's TOML; config/validator.toml is one.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each thing done.")
def serve_command(*, config_file: Path, as_json: bool) -> None:
    """Answer requests that name our validator, until SIGTERM or Ctrl-C.

    It keeps nothing: killed at any time, the next run goes on from the chain.
    """
    run_service(load_settings(config_file), as_json=as_json)


def run_service(settings: Settings, *, as_json: bool) -> None:
    """Run the service until a signal ends it.

    Raises:
        Error: it cannot start; afterwards failures are told and tried again.
    """
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    opened = Opened(settings)
    validator = Validator(opened, settings)
    ready = {"event": "ready", "validator": opened.place.validator().address}
    click.echo(msgspec.json.encode(ready).decode() if as_json else f"ready: {ready['validator']}")
    sys.stdout.flush()
    serve(validator, settings, stop, _shower(as_json=as_json))


def _shower(*, as_json: bool) -> Callable[[Event], None]:
    def show(event: Event) -> None:
        click.echo(msgspec.json.encode(event).decode() if as_json else event.line())
        sys.stdout.flush()

    return show
