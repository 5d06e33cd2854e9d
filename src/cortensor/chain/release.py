# SPDX-License-Identifier: Apache-2.0
"""Releases a router's own money once its challenge window is over; anyone may, so it is harmless.

A release that was sent and forgotten does no harm either: a bucket is emptied once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.rpc import node_errors
from cortensor.errors import Conflict

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.sender import Sender
    from cortensor.chain.settlement import Settlement
    from cortensor.store.outbox import Outbox


class Released(Struct, frozen=True):
    """A bucket that was released, or why not: `reason` is the contract's own, "" if it was."""

    version: int
    bucket: int
    pending_wei: str
    tx_hash: str | None = None
    gas_used: int = 0
    reason: str = ""


class Releaser:
    """Releases for one router.

    Args:
        web3: the node.
        sender: who pays the gas.
        settlement: the escrow.
        router_id: whose money.
        outbox: knows the buckets that its batches filled.
        timeout_s: how long to wait for a transaction.
    """

    def __init__(
        self,
        web3: Web3,
        sender: Sender,
        settlement: Settlement,
        router_id: int,
        outbox: Outbox,
        timeout_s: float,
    ) -> None:
        self._web3 = web3
        self._sender = sender
        self._settlement = settlement
        self._router_id = router_id
        self._outbox = outbox
        self._timeout_s = timeout_s

    def release_matured(self) -> list[Released]:
        """Release every matured bucket; return those that had money."""
        waiting = self._outbox.pending_buckets()
        if not waiting:
            return []
        with node_errors("block"):
            now = int(self._web3.eth.get_block("latest")["timestamp"])
        done: list[Released] = []
        for version, bucket in waiting:
            if self._settlement.matures_at(bucket) > now:
                continue
            pending = self._settlement.pending(self._router_id, version, bucket)
            if pending:
                released = self._release(version, bucket, pending)
                done.append(released)
                if released.reason:
                    continue
            self._outbox.note_released(version, bucket)
        return done

    def _release(self, version: int, bucket: int, pending: int) -> Released:
        data = self._settlement.release_data(self._router_id, version, bucket)
        try:
            nonce = self._sender.nonce("pending")
            signed = self._sender.sign(self._settlement.address, data, nonce)
        except Conflict as error:  # a demand may hold the money
            return Released(version, bucket, str(pending), reason=error.reason)
        self._sender.broadcast(signed.raw)
        mined = self._sender.wait(signed.tx_hash, self._timeout_s)
        reason = "" if mined.is_success else "reverted"
        return Released(version, bucket, str(pending), mined.tx_hash, mined.gas_used, reason)

    def next_at(self) -> int | None:
        """Return when the next bucket can be released, in unix seconds; None if none waits."""
        times = [
            self._settlement.matures_at(bucket) for _, bucket in self._outbox.pending_buckets()
        ]
        return min(times, default=None)
