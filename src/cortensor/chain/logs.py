# SPDX-License-Identifier: Apache-2.0
"""Event logs, read in runs of blocks that shrink when a node finds them too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.chain.rpc import node_errors
from cortensor.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from web3 import Web3
    from web3.contract import Contract

RUN_BLOCKS = 2000


class EventSource:
    """Named events of a few contracts.

    Args:
        web3: the node.
        wanted: (contract, event names) pairs; names may repeat among contracts.
        second_topic: only events whose second indexed field is this word, 0x hex.
        first_topic, third_topic: the same of the first and of the third.
    """

    def __init__(
        self,
        web3: Web3,
        wanted: Sequence[tuple[Contract, Sequence[str]]],
        second_topic: str | None = None,
        *,
        first_topic: str | None = None,
        third_topic: str | None = None,
    ) -> None:
        self._web3 = web3
        self._first_topic = first_topic
        self._third_topic = third_topic
        self._second_topic = second_topic
        self._decoders: dict[tuple[str, str], Any] = {}
        self._addresses: list[str] = []
        for bound, names in wanted:
            self._addresses.append(str(bound.address))
            for name in names:
                event = bound.events[name]()
                topic = str(event.topic).removeprefix("0x")
                self._decoders[str(bound.address).lower(), topic] = event
        self._run = RUN_BLOCKS

    def between(self, first: int, last: int) -> Iterator[Any]:
        """Yield the decoded events of blocks `first` to `last`, both included, oldest first.

        Raises:
            Unavailable: the node does not answer even for one block.
        """
        while first <= last:
            end = min(last, first + self._run - 1)
            try:
                entries = self._fetch(first, end)
            except Unavailable:
                if end == first:
                    raise
                # Nodes limit blocks or results; what the limit is they say in many ways.
                self._run = max(1, (end - first + 1) // 2)
                continue
            for entry in entries:
                decoded = self._decode(entry)
                if decoded is not None:
                    yield decoded
            first = end + 1
            self._run = min(RUN_BLOCKS, self._run * 2)

    def _fetch(self, first: int, last: int) -> list[Any]:
        topics: list[Any] = [sorted({"0x" + topic for _, topic in self._decoders})]
        fields = [self._first_topic, self._second_topic, self._third_topic]
        while fields and fields[-1] is None:
            fields.pop()
        topics += fields
        query: Any = {
            "fromBlock": first,
            "toBlock": last,
            "address": self._addresses,
            "topics": topics,
        }
        with node_errors("event logs"):
            found = self._web3.eth.get_logs(query)
        return sorted(found, key=lambda entry: (entry["blockNumber"], entry["logIndex"]))

    def _decode(self, entry: Any) -> Any:
        if not entry["topics"]:
            return None
        topic = bytes(entry["topics"][0]).hex()
        event = self._decoders.get((str(entry["address"]).lower(), topic))
        if event is None:
            return None
        return event.process_log(entry)
