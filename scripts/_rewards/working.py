# SPDX-License-Identifier: Apache-2.0
"""The work of an epoch: a router with a compute session a node, asked until each had its tasks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from cortensor.client import AsyncClient, Payment
from cortensor.errors import Error, Unavailable
from scripts._demo.operating import SIGNER_KEY
from scripts._demo.processes import Router
from scripts._rewards.network import Network, hex_key
from scripts._rewards.pipeline import settle

REPLICAS = 3
AT_ONCE = 4
MODELS = ("light-a", "light-b")
PROMPTS = "heartbeats.jsonl"
QUESTION = {"objective": "Name a colour.", "max_tokens": 4}
BEAT = re.compile(
    r'^cortensor_heartbeats_total\{session="(\d+)",status="\w+"\} (\S+)', re.MULTILINE
)
PATIENCE_S = 600
CONTEXT_TOKENS = 512


@dataclass(frozen=True)
class Backend:
    """Where nodes' models run: an OpenAI-compatible server, or the embedded model."""

    url: str | None = None


@dataclass(frozen=True)
class Beats:
    """Under which payment session nodes are asked for heartbeats, and how often."""

    session: str
    interval_s: int


@contextlib.contextmanager
def running_router(
    folder: Path, network: Network, backend: Backend, beats: Beats
) -> Iterator[Router]:
    """Start a router whose compute sessions are the network's nodes, bodies published."""
    (folder / PROMPTS).write_text(json.dumps(QUESTION), "utf-8")
    config = folder / "router.toml"
    config.write_text(_config(network, backend, beats), "utf-8")
    key = {SIGNER_KEY: hex_key(network.chain.people.settler)}
    router = Router(config, key, folder / "router.log")
    try:
        router.start()
        yield router
    finally:
        router.stop()


def work(folder: Path, network: Network, router: Router, payment: Payment, tasks: int) -> int:
    """Have every node do so many tasks and show that it is there, and settle that.

    Returns:
        How many jobs that were, without the heartbeats.
    """
    count = len(network.cast.nodes)
    before = beats_of(router)
    jobs = -(-count * tasks // REPLICAS)
    pools = [
        [str((job * REPLICAS + each) % count) for each in range(REPLICAS)] for job in range(jobs)
    ]
    epoch = network.epoch_now()
    done = asyncio.run(_ask_all(router, payment, pools, epoch))
    wait_for_beats(router, before, count)
    settle(folder / "router.toml", {SIGNER_KEY: hex_key(network.chain.people.settler)})
    return done


async def _ask_all(router: Router, payment: Payment, pools: list[list[str]], epoch: int) -> int:
    client = AsyncClient(lambda: router.url, payment, verify=False)
    turn = asyncio.Semaphore(AT_ONCE)

    async def ask(number: int, pool: list[str]) -> int:
        async with turn:
            try:
                await client.delegate(
                    f"Name a colour. This is question {number} of {epoch}.",
                    consensus={"replicas": REPLICAS, "session_pool": pool},
                    max_tokens=4,
                    idempotency_key=f"{epoch}-{number}",
                )
            except Error:
                return 0  # nobody answered, nobody is charged, and nodes lose a task
        return 1

    try:
        return sum(await asyncio.gather(*(ask(*each) for each in enumerate(pools))))
    finally:
        await client.close()


def beats_of(router: Router) -> Counter[str]:
    """Return how often the router asked each compute session for a heartbeat, as it says."""
    with urlopen(f"{router.url}/metrics", timeout=30) as answer:  # noqa: S310 -- our own router
        text = answer.read().decode()
    found: Counter[str] = Counter()
    for session, count in BEAT.findall(text):
        found[session] += int(float(count))
    return found


def wait_for_beats(router: Router, before: Counter[str], sessions: int) -> None:
    """Wait until so many sessions had a heartbeat since then.

    Raises:
        Unavailable: it takes too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while len(beats_of(router) - before) < sessions:
        if time.monotonic() > deadline:
            raise Unavailable(f"{sessions} sessions had no heartbeat in {PATIENCE_S} s")
        time.sleep(0.5)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _config(network: Network, backend: Backend, beats: Beats) -> str:
    """Return the router's TOML; JSON strings are TOML strings."""
    port = free_port()
    lines = [
        f"rpc_url = {json.dumps(network.chain.rpc_url)}",
        "router_id = 1",
        f'signer_key_env = "{SIGNER_KEY}"',
        'deployments = "deployments"',
        'database = "router.db"',
        f"port = {port}",
        f'public_url = "http://127.0.0.1:{port}"',
        "[settlement]",
        "publish_bodies = true",
        "[health]",
        "probe_interval_s = 0",
        "[metrics]",
        'access = "open"',
        "[heartbeats]",
        f"session = {json.dumps(beats.session)}",
        f"interval_s = {beats.interval_s}",
        f"prompts = {json.dumps(PROMPTS)}",
        "[backend]",
    ]
    if backend.url is None:
        # Each place holds a context: as many as there are nodes must fit in memory.
        lines += ['kind = "embedded"', f"context_tokens = {CONTEXT_TOKENS}"]
    else:
        lines += ['kind = "openai"', f"base_url = {json.dumps(backend.url)}", 'model = "any"']
    for place, node in enumerate(network.cast.nodes):
        lines += [
            "[[sessions]]",
            f'id = "{place}"',
            f"miner = {json.dumps(node.address.lower())}",
            f"max_concurrency = {4 if backend.url else 1}",
        ]
        if backend.url is not None:
            lines.append(f'model = "{MODELS[place % len(MODELS)]}"')
    return "\n".join(lines) + "\n"
