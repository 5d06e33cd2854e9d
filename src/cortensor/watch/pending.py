# SPDX-License-Identifier: Apache-2.0
"""Which of a router's pending money is a session's own: batches that can be shown on chain."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from cortensor.chain.pending_moves import moves_of, placed
from cortensor.errors import Error, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cortensor.chain.observed import MovedBatch
    from cortensor.chain.observer import Observer
    from cortensor.chain.pending_moves import Move, PendingBatch
    from cortensor.chain.session_payment import Windows
    from cortensor.watch.state import State

ROUTER_SHIFT = 128
MARGIN_S = 120
"""What matures sooner is not shown: a claim ends with its bucket, and a proof
needs time."""

log = logging.getLogger(__name__)


class Pending:
    """Rebuilds what sessions moved.

    Args:
        observer: the chain.
        state: what is remembered.
    """

    def __init__(self, observer: Observer, state: State) -> None:
        self._observer = observer
        self._state = state

    def rebuilt(self, batches: Iterable[MovedBatch]) -> list[tuple[MovedBatch, list[Move]]]:
        """Return batches that follow on what is stored, each with its moves, in order.

        One that cannot be rebuilt is left out. Its bucket's digest then fits nothing, so that
        nothing of the bucket is shown.
        """
        known: dict[int, int] = {}
        made = []
        for batch in batches:
            moves = self._moves(batch, known)
            if moves is None:
                log.warning(
                    "what log %s of block %s moved is not known", batch.log_index, batch.block
                )
                continue
            known.update((move.session, move.settled) for move in moves)
            made.append((batch, moves))
        return made

    @cached_property
    def _windows(self) -> Windows:
        return self._observer.payment.windows()

    def _unconfirmed(self) -> list[tuple[MovedBatch, list[Move]]]:
        """Return what moved in blocks too new to be stored: it is in the digest already."""
        first, head = self._state.next_block(), self._observer.head().number
        if first is None or first > head:
            return []
        return self.rebuilt(self._observer.seen(first, head).moved)

    def _moves(self, batch: MovedBatch, known: dict[int, int]) -> list[Move] | None:
        """Return what a batch moved; None if it cannot be told."""

        def remembered(session: int) -> int:
            return known.get(session) or self._state.moves.settled(session)

        def asked(session: int) -> int:
            # Totals never fall: of two that are not above the true one, the larger is nearer.
            before = self._observer.session(session, batch.block - 1).settled
            return max(before, remembered(session))

        ways: tuple[Callable[[int], int], ...] = (remembered, asked)
        for settled in ways:
            try:
                return moves_of(batch.items, batch.skipped, batch.total, settled)
            except VerificationFailed:
                # Sessions that were settled before the first block that was looked at.
                continue
            except Error as error:
                log.info("block %s is not to be had from the node: %s", batch.block - 1, error)
        return None

    def batches(self, session: int, now: int) -> list[PendingBatch]:
        """Return the batches in which a session moved money that it can still claim, newest first.

        Args:
            session: an escrow or voucher session; of others nothing is found.
            now: the latest block's time.

        Raises:
            Unavailable: the node.
        """
        router_id = session >> ROUTER_SHIFT
        # A claim's last second is the last before its bucket can be released: what it settled in is
        # over, and the challenge window after that.
        first = (now + MARGIN_S - self._windows.challenge) // self._windows.bucket
        fresh = self._unconfirmed()
        buckets = self._state.moves.buckets(session, first)
        buckets |= {
            (batch.version, batch.bucket)
            for batch, moves in fresh
            if any(move.session == session for move in moves)
        }
        found: list[PendingBatch] = []
        for version, bucket in sorted(buckets, key=lambda place: place[1], reverse=True):
            digest = self._observer.payment.moves_digest(router_id, version, bucket)
            if digest == 0:
                continue  # released
            batches = self._state.moves.batches(router_id, version, bucket)
            batches += [
                [move.word for move in moves]
                for batch, moves in fresh
                if (batch.router_id, batch.version, batch.bucket) == (router_id, version, bucket)
            ]
            try:
                shown = placed(version, bucket, batches, digest)
            except VerificationFailed as error:
                log.warning("bucket %s of card %s %s; nothing is shown", bucket, version, error)
                continue
            found += [batch for batch in reversed(shown) if batch.moved(session)]
        return found
