# SPDX-License-Identifier: Apache-2.0
"""Writing a contract's storage, for states that would take years of transactions."""

from __future__ import annotations

import boa
from eth_abi import encode
from eth_utils import keccak


def slot_of(contract, *path: str) -> int:
    """Return where a variable is, or one of a module: its module's name, then its own."""
    entry = contract.compiler_data.storage_layout["storage_layout"]
    for name in path:
        entry = entry[name]
    return entry["slot"]


def mapped(slot: int, *keys: int | str) -> int:
    """Return the slot of a value in a map, or in a map of maps."""
    for key in keys:
        kind = "address" if isinstance(key, str) else "uint256"
        slot = int.from_bytes(keccak(encode(["uint256", kind], [slot, key])), "big")
    return slot


def write(contract, slot: int, value: int) -> None:
    """Write a word; that of a list is its length."""
    boa.env.set_storage(contract.address, slot, value)
