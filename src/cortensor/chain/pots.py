# SPDX-License-Identifier: Apache-2.0
"""What sessions paid and its challenge window is over for, and the pot that pays it to nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.chain.book import SESSION_PAYMENT
from cortensor.chain.call_many import call_many
from cortensor.chain.logs import RUN_BLOCKS, EventSource
from cortensor.chain.rpc import contract, node_errors
from cortensor.chain.session_payment import SessionPayment
from cortensor.chain.settlement import SETTLED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from web3 import Web3

NODES = 0
RELEASED = "PendingReleased"


class Bucket(NamedTuple):
    """Where a router's settled money waits: card version, and settlement time over bucket time."""

    router_id: int
    version: int
    bucket: int


class Releasable(NamedTuple):
    """A bucket whose window is over, and the wei in it that no dispute has frozen."""

    bucket: Bucket
    wei: int


class Pots:
    """Buckets and pots of SessionPayment.

    Args:
        web3: the node.
        session_payment: the escrow.
    """

    def __init__(self, web3: Web3, session_payment: str) -> None:
        self._web3 = web3
        self._payment = SessionPayment(web3, session_payment)
        self._contract = contract(web3, SESSION_PAYMENT, session_payment)
        self._events = EventSource(web3, [(self._contract, [*SETTLED, RELEASED])])

    @property
    def address(self) -> str:
        """The checksummed address of SessionPayment."""
        return self._payment.address

    def node_pot(self) -> tuple[int, str]:
        """Return the wei in the nodes' pot, and to whom it is paid; the zero address for nobody."""
        with node_errors("pot"):
            amount, recipient = self._contract.functions.pot(NODES).call()
        return int(amount), str(recipient)

    def releasable(self, first_block: int) -> list[Releasable]:
        """Return what can be released now, the most money first.

        Settlements are read from the newest block down until they explain all that routers have
        pending: that is as far back as money waits, and not the whole chain. What a dispute had
        frozen when its bucket was released is no part of that: beyond those blocks it is left to
        its router, which remembers it.

        Args:
            first_block: in which SessionPayment was deployed, or an earlier one.

        Raises:
            Unavailable: the node.
        """
        with node_errors("block"):
            head = self._web3.eth.get_block("latest")
        block, now = int(head["number"]), int(head["timestamp"])
        unexplained = self._pending_totals(block)
        waiting: dict[Bucket, int] = {}
        opened: set[Bucket] = set()  # released once already
        last = block
        while last >= first_block and any(wei > 0 for wei in unexplained.values()):
            first = max(first_block, last - RUN_BLOCKS + 1)
            fresh: set[Bucket] = set()
            for event in self._events.between(first, last):
                args = event["args"]
                key = Bucket(args["router_id"], args["version"], args["bucket"])
                (opened if event["event"] == RELEASED else fresh).add(key)
            for key, wei in self._ask("pending", sorted(fresh - waiting.keys()), block):
                waiting[key] = wei
                if key not in opened:
                    unexplained[key.router_id] -= wei
            last = first - 1
        windows = self._payment.windows()
        newest = (now - windows.challenge) // windows.bucket - 1
        ripe = [key for key, wei in waiting.items() if wei and key.bucket <= newest]
        free = [
            Releasable(key, waiting[key] - frozen) for key, frozen in self._ask("held", ripe, block)
        ]
        return sorted((each for each in free if each.wei), key=lambda each: -each.wei)

    def release_data(self, bucket: Bucket) -> str:
        """Return the calldata that releases a bucket."""
        return str(self._contract.encode_abi("release", args=list(bucket)))

    def pay_nodes_data(self) -> str:
        """Return the calldata that pays the nodes' pot out."""
        return str(self._contract.encode_abi("pay_pot", args=[NODES]))

    def _pending_totals(self, block: int) -> dict[int, int]:
        functions = self._contract.functions
        totals = {}
        for router_id in range(1, self._payment.router_count() + 1):
            with node_errors("router"):
                _, wei = functions.router(router_id).call(block_identifier=block)
            totals[router_id] = int(wei)
        return totals

    def _ask(self, name: str, keys: list[Bucket], block: int) -> Iterable[tuple[Bucket, int]]:
        return zip(keys, call_many(self._web3, self._contract, name, keys, block), strict=True)
