# SPDX-License-Identifier: Apache-2.0
"""What is measured: the fake server itself, LiteLLM's proxy, and the router in its settings."""

from __future__ import annotations

import secrets
import socket
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from benchmarks.router import processes
from benchmarks.router.load import MARK, Order

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SIGNER_ENV = "CORTENSOR_BENCH_SIGNER"
LITELLM_START_S = 120
ROUTER_START_S = 60
PROMPT = (
    "The supplier confirmed on Monday that the goods left the warehouse in Hamburg and that the "
    "invoice, which is for 1,240 euros, is due on 12 March. When is the invoice due? Reference "
)
MAX_TOKENS = 64

LITELLM = """\
model_list:
  - model_name: bench
    litellm_params:
      model: openai/bench
      api_base: {backend}/v1
      api_key: none
general_settings:
  master_key: {key}
"""

ROUTER = """\
router_id = 1
signer_key_env = "{signer}"
rpc_url = "{rpc_url}"
deployments = "{deployments}"
database = "router.db"
port = 0

[store]
synchronous = "{synchronous}"

[backend]
kind = "openai"
base_url = "{backend}"
model = "bench"

[[sessions]]
id = "201"
max_concurrency = 2048

[[sessions]]
id = "202"
max_concurrency = 2048

[[sessions]]
id = "203"
max_concurrency = 2048

[limits]
max_in_flight = 2048

[settlement]
enabled = false
"""


class Chain(Struct, frozen=True):
    """The running chain; see `scripts/_bench_chain.py`. Keys and tokens of this run only."""

    rpc_url: str
    deployments: str
    session_payment: str
    signer_key: str
    sessions: list[str]
    tokens: list[str]


class Subject(Struct, frozen=True, kw_only=True):
    """Something that answers requests; `pid` is the process whose CPU and memory count."""

    name: str
    pid: int
    url: str
    body: str
    headers: dict[str, str] = {}
    has_keys: bool = False

    def order(
        self, concurrency: int, *, seconds: float = 0.0, requests: int | None = None
    ) -> Order:
        """Return what the load generator is told."""
        return Order(
            url=self.url,
            headers=self.headers,
            body=self.body,
            concurrency=concurrency,
            seconds=seconds,
            requests=requests,
            has_keys=self.has_keys,
        )


class Router(Struct, frozen=True):
    """A running router with its files and the session that pays."""

    process: Any  # subprocess.Popen, which msgspec has no type for
    url: str
    folder: Any  # pathlib.Path
    session: str
    token: str

    def subject(self, name: str, replicas: int, *, has_keys: bool = False) -> Subject:
        """Return it as a subject that runs so many replicas, with idempotency keys or without."""
        body = {
            "session_id": self.session,
            "objective": "Answer in one sentence.",
            "input": PROMPT + MARK.decode(),
            "max_tokens": MAX_TOKENS,
            "consensus": {"replicas": replicas},
        }
        return Subject(
            name=name,
            pid=self.process.pid,
            url=f"{self.url}/api/v4/delegate",
            body=msgspec.json.encode(body).decode(),
            headers={"Authorization": f"Bearer {self.token}"},
            has_keys=has_keys,
        )


def _chat() -> str:
    messages = [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": PROMPT + MARK.decode()},
    ]
    body = {"model": "bench", "messages": messages, "max_tokens": MAX_TOKENS}
    return msgspec.json.encode(body).decode()


@contextmanager
def chain(python: str, folder: Path) -> Iterator[Chain]:
    """Run Anvil with the contracts and two open sessions."""
    log = folder / "chain.log"
    with processes.child([python, "-m", "scripts._bench_chain"], log) as process:
        yield msgspec.convert(processes.first_line(process, log), Chain)


@contextmanager
def backend(folder: Path, delay_ms: float) -> Iterator[Subject]:
    """Run the fake server; the subject is a direct call of it."""
    log = folder / "backend.log"
    command = [sys.executable, "-m", "benchmarks.router.backend", "--delay-ms", str(delay_ms)]
    with processes.child(command, log) as process:
        root = processes.first_line(process, log)["url"]
        yield Subject(
            name="direct", pid=process.pid, url=f"{root}/v1/chat/completions", body=_chat()
        )


@contextmanager
def litellm(binary: Path, folder: Path, backend_url: str) -> Iterator[Subject]:
    """Run LiteLLM's proxy: one worker, a master key, no database."""
    key = "sk-" + secrets.token_hex(24)
    config = folder / "litellm.yaml"
    config.write_text(LITELLM.format(backend=root_of(backend_url), key=key), "utf-8")
    port = _free_port()
    log = folder / "litellm.log"
    command = [str(binary), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "PYTHONPATH": ""}
    with processes.child(command, log, environment=environment) as process:
        url = f"http://127.0.0.1:{port}"
        processes.wait_for(f"{url}/health/liveliness", process, log, LITELLM_START_S)
        yield Subject(
            name="LiteLLM",
            pid=process.pid,
            url=f"{url}/v1/chat/completions",
            body=_chat(),
            headers={"Authorization": f"Bearer {key}"},
        )


@contextmanager
def router(
    folder: Path, found: Chain, backend_url: str, *, synchronous: str, number: int
) -> Iterator[Router]:
    """Run a router on the chain's session of that number.

    Args:
        folder: where its configuration, database and log go; the next start finds them again.
        found: the chain.
        backend_url: the fake server.
        synchronous: `normal` or `full`, as in the configuration.
        number: which of the chain's sessions.
    """
    folder.mkdir(exist_ok=True)
    config = folder / "router.toml"
    config.write_text(
        ROUTER.format(
            signer=SIGNER_ENV,
            rpc_url=found.rpc_url,
            deployments=found.deployments,
            synchronous=synchronous,
            backend=root_of(backend_url),
        ),
        "utf-8",
    )
    with ExitStack() as stack:
        process, url = stack.enter_context(_started(config, {SIGNER_ENV: found.signer_key}))
        yield Router(process, url, folder, found.sessions[number], found.tokens[number])


@contextmanager
def _started(
    config: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    log = config.with_name("router.log")
    command = [sys.executable, "-m", "cortensor", "router", "--config", str(config)]
    with processes.child(command, log, environment=environment) as process:
        url = str(processes.first_line(process, log)["url"])
        processes.wait_for(f"{url}/readyz", process, log, ROUTER_START_S)
        yield process, url


def root_of(url: str) -> str:
    """Return the part of a URL before the API's path."""
    return url.partition("/v1/")[0]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
