# SPDX-License-Identifier: Apache-2.0
"""Releases a router's own money once its challenge window is over; anyone may, so it is harmless.

A release that was cut short is gone on with, not sent again. What demands have frozen of a bucket
stays in it; then it is released again when they let it go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.store.errands import release_action

if TYPE_CHECKING:
    from cortensor.chain.errands import Runner
    from cortensor.chain.sender import Sender
    from cortensor.chain.settlement import Settlement
    from cortensor.store.outbox import Outbox


class Released(Struct, frozen=True):
    """A bucket that was released, or why not: `reason` says so, "" if it was."""

    version: int
    bucket: int
    pending_wei: str
    tx_hash: str | None = None
    gas_used: int = 0
    reason: str = ""


class Releaser:
    """Releases for one router.

    Args:
        sender: reads the chain's time.
        runner: sends, and keeps what it cost.
        settlement: the escrow.
        router_id: whose money.
        outbox: knows the buckets that its batches filled.
    """

    def __init__(
        self,
        sender: Sender,
        runner: Runner,
        settlement: Settlement,
        router_id: int,
        outbox: Outbox,
    ) -> None:
        self._sender = sender
        self._runner = runner
        self._settlement = settlement
        self._router_id = router_id
        self._outbox = outbox

    def release_matured(self) -> list[Released]:
        """Release every matured bucket; return those that had money."""
        waiting = self._outbox.pending_buckets()
        if not waiting:
            return []
        now = self._sender.time_of()
        done: list[Released] = []
        for version, bucket in waiting:
            if self._settlement.matures_at(bucket) > now:
                continue
            pending = self._settlement.pending(self._router_id, version, bucket)
            if pending:
                released = self._release(version, bucket, pending)
                done.append(released)
                if released.reason or self._settlement.pending(self._router_id, version, bucket):
                    continue
            self._outbox.note_released(version, bucket)
        return done

    def _release(self, version: int, bucket: int, pending: int) -> Released:
        data = self._settlement.release_data(self._router_id, version, bucket)
        done = self._runner.run(release_action(version, bucket), self._settlement.address, data)
        # A demand may hold the money, or the transaction may take longer than is waited for.
        reason = "" if done.state == "mined" else done.reason or done.state
        return Released(version, bucket, str(pending), done.tx_hash, done.gas_used, reason)

    def next_at(self) -> int | None:
        """Return when the next bucket can be released, in unix seconds; None if none waits."""
        times = [
            self._settlement.matures_at(bucket) for _, bucket in self._outbox.pending_buckets()
        ]
        return min(times, default=None)
