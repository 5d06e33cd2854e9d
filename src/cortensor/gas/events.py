# SPDX-License-Identifier: Apache-2.0
"""What a transaction's events take, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.gas.calldata import signature
from cortensor.receipts.keccak import keccak256, to_hex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cortensor.gas.known import Abi, Known
    from cortensor.gas.transaction import Log

LOG_GAS, TOPIC_GAS, BYTE_GAS = 375, 375, 8


class Event(Struct):
    """Events of one kind: how many, their topics and bytes of data, and the gas of both.

    The gas is that of the LOG opcodes without memory.
    """

    contract: str
    name: str
    count: int = 0
    topics: int = 0
    data_bytes: int = 0
    gas: int = 0


def events_of(logs: list[Log], contracts: Mapping[str, Known]) -> list[Event]:
    """Return a receipt's events by contract and name; an unknown one is named by its topic."""
    found: dict[tuple[str, str], Event] = {}
    for log in logs:
        known = contracts.get(log.address)
        contract = log.address if known is None else known.name
        topic = log.topics[0] if log.topics else "(no topic)"
        name = _name(None if known is None else known.abi, topic)
        event = found.setdefault((log.address, name), Event(contract, name))
        event.count += 1
        event.topics += len(log.topics)
        event.data_bytes += log.data_bytes
        event.gas += LOG_GAS + TOPIC_GAS * len(log.topics) + BYTE_GAS * log.data_bytes
    return sorted(found.values(), key=lambda event: (-event.gas, event.contract, event.name))


def _name(abi: Abi | None, topic: str) -> str:
    for entry in abi or []:
        if entry.get("type") != "event":
            continue
        if to_hex(keccak256(signature(entry).encode())) == topic.lower():
            return str(entry["name"])
    return topic
