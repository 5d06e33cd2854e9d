# SPDX-License-Identifier: Apache-2.0
"""The node that `--network` names: one that is there, or a front of our own before a fork."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import ape
from ape.exceptions import ApeException
from web3 import Web3

from cortensor.anvil.children import start_child, stop
from cortensor.chain.rpc import connect, node_errors
from cortensor.errors import InvalidInput, Unavailable
from scripts._anvil import ROOT

AUTO = "auto"
FRONTS = {421_614: "arbitrum-sepolia", 18_964_747_554: "cor-l3"}


@dataclass(frozen=True)
class Where:
    """What a choice of network means.

    Attributes:
        choice: as it was given.
        url: the node's RPC; None for a fork that is started here.
        upstream: what is forked then.
        chain_id: the network's; None for one that has none of its own.
    """

    choice: str
    url: str | None
    upstream: str | None
    chain_id: int | None


def where(choice: str) -> Where:
    """Return what a choice of network means, by ape-config.yaml; nothing is asked yet.

    Raises:
        InvalidInput: Ape knows no such network.
    """
    try:
        provider = ape.networks.get_provider_from_choice(choice)
    except (ApeException, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InvalidInput(reason, field="network", code="unknown_network") from error
    network = provider.network
    if network.is_fork:
        chain_id = int(network.upstream_chain_id)
        if getattr(provider.settings, "host", None) == AUTO:
            return Where(choice, None, str(provider.fork_url), chain_id)
        return Where(choice, str(provider.uri), None, chain_id)
    return Where(choice, str(provider.uri), None, None if network.is_local else network.chain_id)


@contextlib.contextmanager
def reached(place: Where) -> Iterator[Web3]:
    """Yield the node: Anvil behind something or plain, so that scenarios can wait and undo.

    Raises:
        InvalidInput: it is of another chain (`wrong_chain`), or no Anvil (`not_anvil`).
        Unavailable: nobody answers.
    """
    with contextlib.ExitStack() as stack:
        url = place.url or stack.enter_context(_front(place))
        web3 = connect(url)
        with node_errors(f"--network {place.choice}, {url}"):
            found = web3.eth.chain_id
        if place.chain_id is not None and found != place.chain_id:
            raise InvalidInput(
                f"{url} is of chain {found}; {place.choice} is {place.chain_id}",
                field="network",
                code="wrong_chain",
            )
        answer = web3.provider.make_request("anvil_nodeInfo", [])  # type: ignore[arg-type]
        if "error" in answer:
            raise InvalidInput(
                f"{url} is no Anvil: scenarios wait for days and undo what they did. Measure on a "
                f"fork: --network {_fork(place.choice)}",
                field="network",
                code="not_anvil",
            )
        yield web3


@contextlib.contextmanager
def _front(place: Where) -> Iterator[str]:
    """Start a front before a fork, and yield its URL."""
    name = FRONTS.get(place.chain_id or 0)
    if name is None:
        raise InvalidInput(
            f"has no front; there are those of {', '.join(map(str, FRONTS))}", field="network"
        )
    with started(name, ["--fork", str(place.upstream)]) as url:
        yield url


@contextlib.contextmanager
def started(network: str, words: Sequence[str]) -> Iterator[str]:
    """Start `cortensor anvil` and yield its URL.

    Raises:
        Unavailable: it does not start; its own words.
    """
    process = start_child(
        [sys.executable, "-m", "cortensor", "anvil", "--as", network, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            said = process.stderr.read().decode().strip() if process.stderr else ""
            reason = said.splitlines()[-1] if said else "ended at once"
            raise Unavailable(reason.removeprefix("error: "), field="network")
        yield str(json.loads(line)["url"])
    finally:
        stop(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _fork(choice: str) -> str:
    ecosystem, network, *_ = [*choice.split(":"), ""]
    return f"{ecosystem}:{network.removesuffix('-fork')}-fork"
