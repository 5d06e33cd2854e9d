# SPDX-License-Identifier: Apache-2.0
"""Which network a command is about, and whether it is a node of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from web3 import Web3
from web3.exceptions import Web3Exception

from cortensor.chain.rpc import why_failed
from cortensor.errors import Conflict, InvalidInput
from scripts._deploy.compiler import ROOT
from scripts._deploy.config import DeployConfig, load_config

LOCAL_CHAIN_IDS = (1337, 31337)
NAMED = ("local", "arbitrum-sepolia", "cor-testnet1a")


@dataclass(frozen=True)
class Target:
    """A connected network.

    Attributes:
        web3: the connection.
        choice: `<ecosystem>-<network>` as Ape has them, without `-fork`; `local` for local ones.
        chain_id: what the node says.
        client: what the node calls itself.
        is_fork: whether Ape runs it as a fork.
    """

    web3: Web3
    choice: str
    chain_id: int
    client: str
    is_fork: bool

    @property
    def is_own_node(self) -> bool:
        """Whether nothing of value can happen: a local chain id, or Anvil with any id."""
        return self.chain_id in LOCAL_CHAIN_IDS or self.client.lower().startswith("anvil")

    def network_name(self, config: DeployConfig) -> str:
        """Return the name that records carry; rehearsals never share a real network's name."""
        if self.is_fork:
            return f"{config.network.name}-fork"
        if self.is_own_node and not config.network.is_local:
            return f"{config.network.name}-rehearsal"
        return config.network.name

    def config_path(self, given: str | None) -> Path:
        """Return the configuration file: the one given, or the network's own.

        Raises:
            InvalidInput: for a bare URL to a chain that no file is for.
        """
        if given:
            return Path(given)
        own = ROOT / "config" / f"{self.choice}.toml"
        if own.is_file() or self.choice in NAMED:
            return own
        # A bare URL tells Ape nothing about the network: the chain id does.
        for name in NAMED:
            path = ROOT / "config" / f"{name}.toml"
            if path.is_file() and self.chain_id in load_config(path).network.chain_ids:
                return path
        raise InvalidInput(f"no file in config/ is for chain {self.chain_id}", field="--config")

    def directory(self, given: str | None, config: DeployConfig) -> Path:
        """Return the folder of records: the one given, or the network's own."""
        return Path(given) if given else ROOT / "deployments" / self.network_name(config)

    def check_chain(self, config: DeployConfig) -> None:
        """Refuse a node on another chain than the configuration's. Raises Conflict."""
        if self.chain_id not in config.network.chain_ids:
            expected = ", ".join(map(str, config.network.chain_ids))
            raise Conflict(
                f"wrong chain: the node is on {self.chain_id}, {config.network.name} is {expected}",
                field="--network",
            )


def target_of(provider: Any) -> Target:
    """Return the target of Ape's connected provider. Raises Conflict if the node says nothing."""
    web3 = provider.web3
    ecosystem, network = provider.network.ecosystem.name, provider.network.name
    base = network.removesuffix("-fork")
    try:
        # Asked of the node itself: Ape answers from its configuration for networks it knows.
        chain_id, client = web3.eth.chain_id, str(web3.client_version)
    except (Web3Exception, OSError) as error:
        raise Conflict(why_failed(error), field="--network") from error
    return Target(
        web3=web3,
        choice="local" if base == "local" else f"{ecosystem}-{base}",
        chain_id=chain_id,
        client=client,
        is_fork=network.endswith("-fork"),
    )


def connected(provider: Any, deployments: str | None, whom: str) -> dict[str, str]:
    """Return `rpc_url` and `deployments` of Ape's connected network, for a configuration.

    Args:
        provider: Ape's.
        deployments: the folder of records, if one is given.
        whom: who works with them, for messages.

    Raises:
        Conflict: the node says nothing.
        InvalidInput: it has no HTTP endpoint, or nothing was deployed.
    """
    url = getattr(provider, "http_uri", None)
    if not url:
        raise InvalidInput(f"has no HTTP endpoint that {whom} could use", field="--network")
    target = target_of(provider)
    folder = target.directory(deployments, load_config(target.config_path(None))).resolve()
    if not folder.is_dir():
        raise InvalidInput(f"no records in {folder}: deploy first", field="--deployments")
    return {"rpc_url": str(url), "deployments": str(folder)}
