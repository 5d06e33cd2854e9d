# SPDX-License-Identifier: Apache-2.0
"""A whole router on a real port, in a thread, with a fake node and a fake model behind it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from pathlib import Path
from typing import Any

import requests
import uvicorn
from starlette.routing import Route

from cortensor.pricing import RateCard
from cortensor.receipts.access import make_token
from cortensor.receipts.evidence import request_commitment
from cortensor.receipts.sign import address_of, sign
from cortensor.receipts.typed import AccessGrant, Domain, Request, Voucher
from cortensor.router.config import Config, parse_config
from cortensor.router.http_server import server_config
from cortensor.router.requests import canonical_request
from cortensor.router.tracing import ClosableTracer
from cortensor.router.wiring import running
from cortensor.store.store import Store
from tests.python.router.fake_model import FakeModel
from tests.python.router.fake_node import ANCHOR, CHAIN_ID, PAYMENT, POOL, QUOTA, TABLE, FakeNode

SIGNER_KEY = "0x" + "a1" * 32
PAYER_KEY = "0x" + "b2" * 32
STRANGER_KEY = "0x" + "c3" * 32
SESSION_KEY = "0x" + "d4" * 32
KEY_ENV = "CORTENSOR_TEST_SIGNER"
ROUTER_ID = 1
COR = 10**18
DOMAIN = Domain(CHAIN_ID, PAYMENT)

CARD = RateCard.from_json(
    {
        "task_wei": 10**15,
        "input_unit_wei": [10**12, 2 * 10**12, 4 * 10**12, 8 * 10**12],
        "output_unit_wei": [3 * 10**12, 6 * 10**12, 12 * 10**12, 24 * 10**12],
        "validator_unit_wei": 10**12,
        "sla_bps": [0, 500, 1500, 4000],
        "execution_depth_bps": 1000,
        "tool_depth_bps": 1500,
        "validator_depth_bps": 2000,
        "redundancy_bps": [0, 500, 1000],
        "consensus_bps": [0, 200, 200, 300, 200, 800, 0, 0],
        "threshold_bps": 100,
        "disagreement_bps": [0, 100, 50],
        "failed_rebate_bps": 9000,
        "late_rebate_bps": 3000,
        "missing_rebate_bps": 10000,
        "volume_rebate_bps": [0, 500, 1000, 1500],
        "node_share_bps": 7000,
        "validator_share_bps": 1500,
    }
)


def session_number(low: int) -> int:
    """A session id of this router."""
    return ROUTER_ID << 128 | low


def token(session: str, key: str = PAYER_KEY, expires: int = 2**40) -> str:
    return make_token(key, AccessGrant(int(session, 16), expires), DOMAIN)


def config_data(folder: Path, node: FakeNode, model: FakeModel, **changes: Any) -> dict[str, Any]:
    """A configuration as TOML data: three compute sessions, short deadlines."""
    sessions = [
        {"id": name, "model": name, "seed": i, "miner": f"m{i}", "max_concurrency": 8}
        for i, name in enumerate(("201", "202", "203"))
    ]
    data: dict[str, Any] = {
        "rpc_url": node.url,
        "addresses": {
            "session_payment": PAYMENT,
            "table": TABLE,
            "receipt_anchor": ANCHOR,
            "stake_pool": POOL,
            "stake_quota": QUOTA,
        },
        "router_id": ROUTER_ID,
        "signer_key_env": KEY_ENV,
        "database": str(folder / "router.db"),
        "backend": {"kind": "openai", "base_url": model.url, "model": "fallback"},
        "sessions": sessions,
        "limits": {
            "default_timeout_ms": 5000,
            "late_grace_ms": 300,
            "session_cache_s": 0,
            "surcharge_cache_s": 0,
            "shutdown_grace_s": 1,
            "breaker_cooldown_ms": 200,
        },
    }
    for name, value in changes.items():
        is_table = isinstance(value, dict) and name in data
        data[name] = {**data[name], **value} if is_table else value
    return data


def signed(
    body: dict[str, Any],
    *,
    endpoint: str = "delegate",
    salt: int = 1,
    most: int = COR,
    key: str = SESSION_KEY,
    domain: Domain = DOMAIN,
) -> dict[str, str]:
    """The headers by which a session's key signs a request."""
    salted = salt.to_bytes(32, "big")
    commitment = request_commitment(salted, canonical_request(endpoint, body))
    asked = Request(int(body["session_id"], 16), commitment, most)
    return {
        "X-Cortensor-Request-Salt": "0x" + salted.hex(),
        "X-Cortensor-Max-Charge": str(most),
        "X-Cortensor-Request-Signature": "0x" + sign(key, asked.digest(domain)).hex(),
    }


def voucher(session: str, total: int, key: str = SESSION_KEY) -> str:
    """The header by which a session's key signs a total."""
    owed = Voucher(int(session, 16), total)
    return f"{total}:0x{sign(key, owed.digest(DOMAIN)).hex()}"


def free_port() -> socket.socket:
    """A listener of TCP by name: else asyncio leaves Nagle's algorithm on, which costs 40 ms."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


class _Server(uvicorn.Server):
    """Ends at once where there is nothing to wait for; uvicorn's own looks ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ended = asyncio.Event()

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks % 10):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)


class Caller:
    """Whoever asks the router at `url`."""

    url: str

    def post(
        self,
        endpoint: str,
        body: Any,
        *,
        auth: str | None = None,
        key: str | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
        more: dict[str, str] | None = None,
    ) -> requests.Response:
        headers = {"Content-Type": content_type, **(more or {})}
        if auth != "":
            bearer = auth or token(body["session_id"])
            headers["Authorization"] = f"Bearer {bearer}"
        if key is not None:
            headers["Idempotency-Key"] = key
        url = f"{self.url}/api/v4/{endpoint}"
        if raw is not None:
            return requests.post(url, data=raw, headers=headers, timeout=30)
        return requests.post(url, json=body, headers=headers, timeout=30)

    def get(self, path: str, *, auth: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {auth}"} if auth else {}
        return requests.get(self.url + path, headers=headers, timeout=30)


class Router(Caller):
    """The running router and a client for it."""

    def __init__(
        self,
        config: Config,
        node: FakeNode,
        model: FakeModel,
        tracer: ClosableTracer | None = None,
    ) -> None:
        self.config = config
        self.tracer = tracer
        self.node = node
        self.model = model
        self.listener = free_port()
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._server: _Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)

    def start(self) -> Router:
        self._thread.start()
        self._started.wait(20)
        if self._failure is not None:
            raise self._failure
        return self

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 -- handed to the test's thread
            self._failure = error
        finally:
            self._started.set()
            self.listener.close()

    async def _serve(self) -> None:
        async with running(self.config, self.url, tracer=self.tracer) as app:
            self.routes = [route for route in app.routes if isinstance(route, Route)]
            settings = server_config(app, self.config)
            self._server = _Server(settings)
            self._loop = asyncio.get_running_loop()
            self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
            task = asyncio.create_task(self._server.serve(sockets=[self.listener]))
            while not self._server.started and not task.done():  # noqa: ASYNC110 -- it has no event
                await asyncio.sleep(0.01)
            self._started.set()
            await task

    def stop(self) -> None:
        if self._server is not None and self._loop is not None:
            self._server.should_exit = True
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._server.ended.set)
        self._thread.join(20)

    def ledger(self) -> dict[str, tuple[int, int]]:
        """Spent and reserved by session, after checking INV-L1."""
        with Store(self.config.database_address) as store:
            assert store.ledger.audit() == []
            rows = store.database.rows("SELECT session, spent, reserved FROM payment_sessions")
            return {row["session"]: (int(row["spent"]), int(row["reserved"])) for row in rows}


def make_config(folder: Path, node: FakeNode, model: FakeModel, **changes: Any) -> Config:
    os.environ[KEY_ENV] = SIGNER_KEY
    return parse_config(config_data(folder, node, model, **changes))


def make_node() -> FakeNode:
    return FakeNode(CARD, address_of(SIGNER_KEY))


PAYER = address_of(PAYER_KEY)
KEYED = address_of(SESSION_KEY)
