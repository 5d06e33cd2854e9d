# SPDX-License-Identifier: Apache-2.0
"""The node that `--network` names: one that is there, or a front of our own before a fork."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ape
from ape.exceptions import ApeException
from web3 import Web3

from cortensor.anvil.children import start_child, stop
from cortensor.chain.rpc import connect, node_errors
from cortensor.errors import InvalidInput, Unavailable
from cortensor.unanswered import origin_of
from scripts._anvil import ROOT

AUTO = "auto"
IN_PROCESS = "test"
CHOICES = (
    "there are arbitrum:sepolia and cor:testnet1a, either with -fork, and ethereum:local:URL of "
    "a front that runs"
)
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
        InvalidInput: Ape knows no such network, or it is none of those that can be measured on.
    """
    with _apes_errors():
        provider = ape.networks.get_provider_from_choice(choice)
        chain_id = _chain_of(provider.network)
    if chain_id is not None and chain_id not in FRONTS:
        # Before Ape is asked for a URL: of a network without one it tries strangers' nodes.
        raise _unknown(f"is of chain {chain_id}, which has no front")
    if provider.name == IN_PROCESS:
        raise _unknown("names no node")
    with _apes_errors():
        if provider.network.is_fork and getattr(provider.settings, "host", None) == AUTO:
            return Where(choice, None, str(provider.fork_url), chain_id)
        return Where(choice, str(provider.uri), None, chain_id)


@contextlib.contextmanager
def reached(place: Where) -> Iterator[Web3]:
    """Yield the node: Anvil behind something or plain, so that scenarios can wait and undo.

    Raises:
        InvalidInput: it is of another chain (`wrong_chain`), or no Anvil (`not_anvil`).
        Unavailable: nobody answers.
    """
    named = ":".join(place.choice.split(":")[:2])
    with contextlib.ExitStack() as stack:
        url = place.url or stack.enter_context(_front(place))
        web3 = connect(url)
        with node_errors(f"--network {named}"):
            found = web3.eth.chain_id
        if place.chain_id is not None and found != place.chain_id:
            raise InvalidInput(
                f"{origin_of(url)} is of chain {found}; {named} is {place.chain_id}",
                field="network",
                code="wrong_chain",
            )
        answer = web3.provider.make_request("anvil_nodeInfo", [])  # type: ignore[arg-type]
        if "error" in answer:
            raise InvalidInput(
                f"{origin_of(url)} is no Anvil: scenarios wait for days and undo what they did. "
                f"Measure on a fork: --network {_fork(place.choice)}",
                field="network",
                code="not_anvil",
            )
        yield web3


@contextlib.contextmanager
def _front(place: Where) -> Iterator[str]:
    """Start a front before a fork, and yield its URL."""
    with started(FRONTS[place.chain_id or 0], ["--fork", str(place.upstream)]) as url:
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


def _chain_of(network: Any) -> int | None:
    """Return the chain's id, of a fork that of what it forks; None for a local or unnamed one."""
    if network.is_local or network.is_adhoc:
        return None
    return int(network.upstream_chain_id if network.is_fork else network.chain_id)


@contextlib.contextmanager
def _apes_errors() -> Iterator[None]:
    try:
        yield
    except (ApeException, ValueError) as error:
        # Ape's other lines are all that it knows, and not what can be measured on.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _unknown(reason.removesuffix(" Options:").rstrip(".")) from error


def _unknown(reason: str) -> InvalidInput:
    return InvalidInput(f"{reason}; {CHOICES}", field="network", code="unknown_network")


def _fork(choice: str) -> str:
    ecosystem, network, *_ = [*choice.split(":"), ""]
    return f"{ecosystem}:{network.removesuffix('-fork')}-fork"
