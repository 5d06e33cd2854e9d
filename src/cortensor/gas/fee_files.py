# SPDX-License-Identifier: Apache-2.0
"""Which file holds a network's recorded fees."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.gas.snapshot import Snapshot, load_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

FEES = Path("config") / "fees"
PRICES = FEES / "prices.toml"
NOT_HERE = "run this in the project's folder, or name a TOML file"
FOR_LOCAL_CHAINS = "arbitrum-sepolia"
ALIASES: Mapping[str, str] = MappingProxyType({"cor-l3": "cor-testnet1a"})
"""Other names of networks, wherever a network of config/fees is named; so for `cortensor anvil`."""


def fee_file(network: str) -> Path:
    """Return the file of a network: a TOML file, or the name of one in config/fees, or its alias.

    Raises:
        InvalidInput: there is none of that name.
    """
    if network.endswith(".toml"):
        return Path(network)
    path = FEES / f"{ALIASES.get(network, network)}.toml"
    if not path.is_file():
        stems = {each.stem for each in _files()}
        known = sorted(stems | {alias for alias, name in ALIASES.items() if name in stems})
        raise InvalidInput(
            f"no {path}; {'there are ' + ', '.join(known) if known else NOT_HERE}",
            field="network",
        )
    return path


def fees_of_chain(chain_id: int) -> Snapshot:
    """Return the recorded fees of a chain; of Arbitrum Sepolia if there are none of it.

    Raises:
        InvalidInput: there are no recorded fees at all, or they cannot be read.
    """
    for path in _files():
        found = load_snapshot(path)
        if found.chain_id == chain_id:
            return found
    return load_snapshot(fee_file(FOR_LOCAL_CHAINS))


def _files() -> list[Path]:
    return [each for each in sorted(FEES.glob("*.toml")) if each != PRICES]
