# SPDX-License-Identifier: Apache-2.0
"""The operator's side: the router's configuration, and the `cortensor` commands that are run."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cortensor.errors import Unavailable
from scripts._demo.chain import Chain
from scripts._demo.processes import Router

SIGNER_KEY = "CORTENSOR_SIGNER_KEY"

COMPUTE_SESSIONS = (
    ("201", "You are a careful clerk. Copy values exactly as the text gives them.", 11, 0),
    ("202", "You read closely and answer with the facts of the text only.", 22, 3000),
    ("203", "You are a skeptical reviewer. Be brief and exact.", 33, 6000),
)
"""Id, system prompt, seed, temperature in bps: what makes three sessions of one model differ."""


@contextlib.contextmanager
def running_router(
    folder: Path, chain: Chain, backend: str | None, model: str | None
) -> Iterator[Router]:
    """Write a router's configuration, start it, and stop it on the way out.

    Args:
        folder: where configuration, database and log go.
        chain: the demo's chain.
        backend: base URL of an OpenAI-compatible server; None for the embedded model.
        model: the model's name on that server.

    Raises:
        Unavailable: it does not start.
    """
    config = folder / "router.toml"
    config.write_text(_config(chain, backend, model), "utf-8")
    router = Router(config, _signer(chain), folder / "router.log")
    try:
        router.start()
        yield router
    finally:
        router.stop()


def settle(folder: Path, chain: Chain) -> list[dict[str, Any]]:
    """Run `cortensor settle` beside the router, as an operator or a timer would.

    Returns:
        Its batches, one a funding (two for stake if midnight passed between the jobs).

    Raises:
        Unavailable: it failed, or the contract passed something over.
    """
    config = str(folder / "router.toml")
    done = _cortensor(["settle", "--config", config, "--json"], _signer(chain))
    batches: list[dict[str, Any]] = json.loads(done.stdout or "{}").get("batches", [])
    if done.returncode != 0 or not batches or any(batch["skipped"] for batch in batches):
        raise Unavailable(f"not everything was settled: {done.stdout}{done.stderr}")
    return batches


def verify(files: Sequence[Path], chain: Chain) -> list[dict[str, Any]]:
    """Run `cortensor receipt verify` with an RPC and the address to trust, and nothing else.

    Raises:
        Unavailable: it said nothing.
    """
    trusted = ["--rpc", chain.rpc_url, "--session-payment", chain.payment.address]
    done = _cortensor(["receipt", "verify", *map(str, files), *trusted, "--json"], {})
    if not done.stdout:
        raise Unavailable(f"the verifier said nothing: {done.stderr}")
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def _signer(chain: Chain) -> dict[str, str]:
    return {SIGNER_KEY: "0x" + bytes(chain.people.settler.key).hex()}


def _cortensor(
    arguments: Sequence[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the command line tool; it gets the keys it is given and nothing else of ours."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "cortensor", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _config(chain: Chain, backend: str | None, model: str | None) -> str:
    """Return the router's TOML; JSON strings are TOML strings."""
    lines = [
        f"rpc_url = {json.dumps(chain.rpc_url)}",
        "router_id = 1",
        f'signer_key_env = "{SIGNER_KEY}"',
        'deployments = "deployments"',
        'database = "router.db"',
        "port = 0",
        "[backend]",
    ]
    if backend:
        lines += ['kind = "openai"', f"base_url = {json.dumps(backend)}"]
        lines += [f"model = {json.dumps(model)}"]
    else:
        lines += ['kind = "embedded"']
    for name, prompt, seed, temperature in COMPUTE_SESSIONS:
        lines += ["[[sessions]]", f'id = "{name}"', f"system_prompt = {json.dumps(prompt)}"]
        lines += [f"seed = {seed}", f"temperature_bps = {temperature}", f'miner = "miner-{name}"']
    return "\n".join(lines) + "\n"
