# SPDX-License-Identifier: Apache-2.0
"""`cortensor router` and `cortensor settle`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import click
import msgspec
import uvicorn
import uvloop

from cortensor.errors import Unavailable
from cortensor.pricing import format_cor
from cortensor.router import logs
from cortensor.router.config import load_config
from cortensor.router.http_server import server_config
from cortensor.router.wiring import build_settler, running
from cortensor.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.chain.release import Released
    from cortensor.chain.settler import SettledBatch
    from cortensor.router.config import Config
    from cortensor.store.records import RefusalRecord

BACKLOG = 2048
YOUNG_OBJECTS = 20_000
"""So many new objects make the collector look for garbage: some two hundred requests."""

REFUSED = 1

config_option = click.option(
    "--config",
    "config_path",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="The router's TOML file.",
)


class _Server(uvicorn.Server):
    """Says on stdout when it accepts requests: one JSON line, for whoever started it."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving on a signal, and nothing more.

        Uvicorn's own raises the signal again when serving ended, which would end the process
        before reservations are released and the model's process is stopped.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            ready = {"event": "ready", "url": self._url, "pid": os.getpid()}
            click.echo(msgspec.json.encode(ready).decode())
            sys.stdout.flush()


@click.command("router")
@config_option
@click.option("--host", help="Instead of the configured address.")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of the configured port.")
def router(config_path: str, host: str | None, port: int | None) -> None:
    """Run a router until SIGINT or SIGTERM; prints one JSON line when ready."""
    serve(load_config(config_path), host, port)


def serve(config: Config, host: str | None = None, port: int | None = None) -> None:
    """Run a router until SIGINT or SIGTERM.

    Args:
        config: checked configuration.
        host: instead of the configured address.
        port: instead of the configured port; 0 takes a free one.

    Raises:
        Error: a part does not come up.
    """
    logs.configure(config.logs.format)
    uvloop.run(
        _serve(
            config,
            config.host if host is None else host,
            config.port if port is None else port,
        )
    )


async def _serve(config: Config, host: str, port: int) -> None:
    listener = _listen(host, port)
    bound = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{bound}"
    try:
        async with running(config, config.public_url or url) as app:
            # What is there now stays: the collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS)
            await _Server(server_config(app, config), url).serve(sockets=[listener])
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol by name: only then does the event loop switch off Nagle's algorithm on what is
    # accepted, without which every second answer on a connection waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


@click.command("settle")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
@click.option("--release", "releases", is_flag=True, help="First release what has matured.")
@click.option("--unpark", "unparks", is_flag=True, help="Also try batches that were parked.")
@click.pass_context
def settle(
    ctx: click.Context, config_path: str, as_json: bool, releases: bool, unparks: bool
) -> None:
    """Anchor and settle every receipt that waits; may run beside the router.

    Exit code 1 if the contract refused a batch.
    """
    config = load_config(config_path)
    with Store(config.database_address) as store:
        settler = build_settler(config, store, config.public_url)
        released = settler.release() if releases else []
        if unparks:
            settler.unpark()
        if not as_json:
            _tell_released(released, asked=releases)
        done = settler.settle_all()
        refused = store.outbox.refusals()
        for lost in store.skips.to_alarm():
            click.echo(
                f"never settled, and no longer can be: {lost.session}, {lost.cumulative} wei: "
                f"{lost.reason}",
                err=True,
            )
    if as_json:
        found: dict[str, object] = {"batches": done}
        found |= {"released": released} if releases else {}
        found |= {"refused": refused} if refused else {}
        click.echo(msgspec.json.encode(found).decode())
    else:
        _tell_settled(done, refused)
    ctx.exit(REFUSED if refused else 0)


def _tell_settled(done: list[SettledBatch], refused: list[RefusalRecord]) -> None:
    if not done and not refused:
        click.echo("nothing to settle")
    for batch in done:
        click.echo(
            f"{batch.receipts} receipts of {batch.sessions} sessions, "
            f"{format_cor(int(batch.total_wei))} COR, {batch.gas_used} gas, {batch.tx_hash}"
        )
        for item in batch.skipped:
            click.echo(f"  skipped {item['session_id']}: {item['reason']}", err=True)
    for refusal in refused:
        parked = ", parked" if refusal.next_at is None else ""
        click.echo(f"not settled{parked}: batch {refusal.batch}: {refusal.reason}", err=True)


def _tell_released(released: list[Released], *, asked: bool) -> None:
    if asked and not released:
        click.echo("nothing to release")
    for bucket in released:
        what = f"{format_cor(int(bucket.pending_wei))} COR of bucket {bucket.bucket}"
        if bucket.reason:
            click.echo(f"not released: {what}: {bucket.reason}", err=True)
        else:
            click.echo(f"released {what}, {bucket.gas_used} gas, {bucket.tx_hash}")
