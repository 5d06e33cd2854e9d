# SPDX-License-Identifier: Apache-2.0
"""The batches of an epoch: what routers settled in its time, and the receipts behind that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.epochs.bodies import fetch_bodies
from cortensor.errors import Error, Unavailable
from cortensor.watch.fetch import fetch
from cortensor.watch.leaves import read_batch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cortensor.chain.observed import Seen
    from cortensor.chain.observer import Observer
    from cortensor.receipts.body import Body
    from cortensor.receipts.typed import Domain
    from cortensor.watch.fetch import FetchLimits


class Batch(Struct, frozen=True):
    """A settled batch; `left_out` says that its receipts do not count, by the operator's word."""

    router_id: int
    anchorer: str
    root: str
    count: int
    block: int
    uri: str
    left_out: bool = False


class Missing(Struct, frozen=True):
    """A batch whose receipts cannot be had, and why."""

    batch: Batch
    reason: str


def settled_batches(seen: Seen, routers: Collection[int], left_out: Collection[str]) -> list[Batch]:
    """Return the batches that moved money, oldest first; what anybody else anchors counts nothing.

    Args:
        seen: the events of the epoch's blocks.
        routers: ids that count; empty for all.
        left_out: roots whose receipts are not to count.
    """
    anchored = {(entry.block, entry.root): entry for entry in seen.anchored}
    found = []
    for settlement in seen.settlements:
        entry = anchored.get((settlement.block, settlement.root))
        if entry is None or (routers and settlement.router_id not in routers):
            continue
        found.append(
            Batch(
                settlement.router_id,
                entry.anchorer,
                entry.root,
                entry.count,
                entry.block,
                entry.uri,
                entry.root in left_out,
            )
        )
    return found


def read_bodies(
    batches: Sequence[Batch],
    observer: Observer,
    domain: Domain,
    limits: FetchLimits,
    mirror: str | None,
    last_block: int,
) -> tuple[list[tuple[str, Body]], list[Missing]]:
    """Return the receipts of batches, without those that were revoked by a block, and what lacks.

    Args:
        batches: the epoch's.
        observer: the chain.
        domain: in which receipts are signed.
        limits: of each fetch.
        mirror: prefix of an address where batches can be had as well, before the root.
        last_block: what was revoked in it or before does not count.

    Raises:
        Unavailable: the node; a router that does not answer only makes its batches missing.
    """
    found: list[tuple[str, Body]] = []
    missing = []
    anchorers = sorted({batch.anchorer for batch in batches})
    ended = {each: set(observer.anchor.ended(each, 0, last_block)) for each in anchorers}
    for batch in batches:
        if batch.left_out:
            continue
        try:
            receipts = _receipts(batch, domain, limits, mirror)
        except Error as error:
            missing.append(Missing(batch, str(error)))
            continue
        found += [each for each in receipts if each[0] not in ended[batch.anchorer]]
    return found, missing


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
