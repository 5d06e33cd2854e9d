# SPDX-License-Identifier: Apache-2.0
"""What a session of the demo has pending, as a challenger without any history finds it."""

from __future__ import annotations

from cortensor.chain.observer import Observer
from cortensor.chain.pending_moves import PendingBatch, moves_of, placed
from scripts._demo.chain import Chain


def last_batch(chain: Chain, session: int) -> PendingBatch:
    """Return the last batch that moved money of a session, with its place in its bucket.

    Args:
        chain: the demo's chain; every settlement of it is read.
        session: an escrow or voucher session that was settled.

    Raises:
        VerificationFailed: the events are not what the bucket's digest says.
    """
    observer = Observer(chain.rpc_url, chain.payment.address)
    settled: dict[int, int] = {}
    buckets: dict[tuple[int, int, int], list[list[int]]] = {}
    place = (0, 0, 0)
    for batch in observer.seen(0, observer.head().number).moved:
        moves = moves_of(batch.items, batch.skipped, batch.total, lambda each: settled.get(each, 0))
        settled.update((move.session, move.settled) for move in moves)
        of_batch = (batch.router_id, batch.version, batch.bucket)
        buckets.setdefault(of_batch, []).append([move.word for move in moves])
        if any(move.session == session for move in moves):
            place = of_batch
    digest = observer.payment.moves_digest(*place)
    found = placed(*place[1:], buckets[place], digest)
    return next(batch for batch in reversed(found) if batch.moved(session))
