# SPDX-License-Identifier: Apache-2.0
"""The batches of an epoch: what routers settled in its time, and the receipts behind that.

A batch that moves no money leaves no word of a settlement. One that a router's settler anchored
counts for its heartbeats, which are free; whatever else it holds was not paid for, and counts not.
What of one that moved money was paid for: `cortensor.epochs.paid`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.epochs.bodies import fetch_bodies
from cortensor.errors import Error, Unavailable
from cortensor.watch.fetch import fetch
from cortensor.watch.leaves import read_batch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cortensor.chain.observed import BatchAnchored, Seen, SettlerChanged
    from cortensor.chain.observer import Observer
    from cortensor.epochs.paid import Paid
    from cortensor.receipts.body import Body
    from cortensor.receipts.typed import Domain
    from cortensor.watch.fetch import FetchLimits


class Batch(Struct, frozen=True):
    """A batch of a router's.

    `left_out` says that its receipts do not count, by the operator's word. Of one that moved no
    money (`is_unpaid`) only the heartbeats count.
    """

    router_id: int
    anchorer: str
    root: str
    count: int
    block: int
    uri: str
    left_out: bool = False
    is_unpaid: bool = False

    def named(self) -> str:
        """Return root, receipts and router, for people."""
        plural = "" if self.count == 1 else "s"
        return f"{self.root} ({self.count} receipt{plural} of router {self.router_id})"


class Missing(Struct, frozen=True):
    """A batch whose receipts cannot be had, and why."""

    batch: Batch
    reason: str


def batches_of(
    seen: Seen,
    settlers: Sequence[SettlerChanged],
    routers: Collection[int],
    left_out: Collection[str],
) -> list[Batch]:
    """Return the batches of routers, oldest first; what anybody else anchors counts nothing.

    Args:
        seen: the events of the epoch's blocks.
        settlers: who settled for which router since when, oldest first, up to the epoch's end.
        routers: ids that count; empty for all.
        left_out: roots whose receipts are not to count.
    """
    settled = {(each.anchorer, each.root): each.router_id for each in seen.settlements}
    found = []
    for entry in seen.anchored:
        router_id = settled.get((entry.anchorer, entry.root))
        is_unpaid = router_id is None
        if router_id is None:
            router_id = _settles_for(entry, settlers)
        if router_id is None or (routers and router_id not in routers):
            continue
        found.append(
            Batch(
                router_id,
                entry.anchorer,
                entry.root,
                entry.count,
                entry.block,
                entry.uri,
                entry.root in left_out,
                is_unpaid,
            )
        )
    return found


def _settles_for(entry: BatchAnchored, settlers: Sequence[SettlerChanged]) -> int | None:
    """Return the router whose settler anchored a batch, None if nobody's did."""
    present: dict[int, str] = {}
    for change in settlers:
        if change.block > entry.block:
            break
        present[change.router_id] = change.settler
    return next((router for router, who in present.items() if who == entry.anchorer), None)


class Reading:
    """The receipts of batches that count, read as they are asked for; a batch at a time is held.

    Attributes:
        missing: the batches that could not be had, of those that were asked for so far.

    Args:
        batches: the epoch's; those left out are passed over.
        observer: the chain.
        domain: in which receipts are signed.
        limits: of each fetch.
        mirror: prefix of an address where batches can be had as well, before the root.
        last_block: what was revoked in it or before does not count.
        paid: tells what counts of a batch; None where it is only asked whether it can be read.
    """

    def __init__(
        self,
        batches: Sequence[Batch],
        observer: Observer,
        domain: Domain,
        limits: FetchLimits,
        mirror: str | None,
        last_block: int,
        paid: Paid | None,
    ) -> None:
        self.missing: list[Missing] = []
        self._batches = [batch for batch in batches if not batch.left_out]
        self._observer, self._last_block, self._paid = observer, last_block, paid
        self._domain, self._limits, self._mirror = domain, limits, mirror

    def __iter__(self) -> Iterator[tuple[str, Body]]:
        """Give (receipt id, body) of each.

        Raises:
            Unavailable: the node; a router that does not answer only makes its batches missing.
        """
        self.missing.clear()
        anchorers = sorted({batch.anchorer for batch in self._batches})
        ended = {
            each: set(self._observer.anchor.ended(each, 0, self._last_block)) for each in anchorers
        }
        for batch in self._batches:
            try:
                receipts = _receipts(batch, self._domain, self._limits, self._mirror)
            except Error as error:
                self.missing.append(Missing(batch, str(error)))
                continue
            standing = {each: body for each, body in receipts if each not in ended[batch.anchorer]}
            if self._paid is None:
                yield from standing.items()
            else:
                yield from self._paid.of(batch.anchorer, batch.root, standing)


def _receipts(
    batch: Batch, domain: Domain, limits: FetchLimits, mirror: str | None
) -> list[tuple[str, Body]]:
    places = [batch.uri] if batch.uri else []
    if mirror is not None:
        places.append(f"{mirror}{batch.root}")
    failure: Error = Unavailable("names no address", code="batch_unavailable")
    for place in places:
        try:
            leaves = read_batch(
                fetch(place, limits),
                root=batch.root,
                anchorer=batch.anchorer,
                count=batch.count,
                domain=domain,
            )
            return fetch_bodies(place, leaves, limits)
        except Error as error:
            failure = error
    raise failure
