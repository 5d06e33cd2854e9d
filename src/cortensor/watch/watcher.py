# SPDX-License-Identifier: Apache-2.0
"""One pass over the chain: what happened, whether it is right, and what is missing."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

from cortensor.chain.observed import Answered
from cortensor.chain.session_payment import FUNDING_STAKE, NOBODY, STILL_SETTLER
from cortensor.errors import Error, NotFound, Unavailable, VerificationFailed
from cortensor.store.records import STATE_NONE
from cortensor.watch.checks import (
    FOREIGN,
    MISSING,
    NO_TOTAL,
    SHOWN_BY_ANSWER,
    UNAVAILABLE,
    Finding,
    check_epoch,
    check_leaf,
    check_request,
    check_signed,
    is_signed,
)
from cortensor.watch.coverage import find_missing
from cortensor.watch.fetch import fetch
from cortensor.watch.leaves import make_leaf, read_batch
from cortensor.watch.memory import Beside
from cortensor.watch.pending import Pending
from cortensor.watch.price import Pin, rightful_charge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cortensor.chain.observed import Head, Seen
    from cortensor.chain.observer import Observer
    from cortensor.receipts.typed import Domain
    from cortensor.watch.checks import Known
    from cortensor.watch.held import HeldReceipt
    from cortensor.watch.leaves import Leaf
    from cortensor.watch.records import BatchRow
    from cortensor.watch.settings import Settings
    from cortensor.watch.state import State

ROUTER_SHIFT = 128
RUN_BLOCKS = 20_000
COVERAGE = (MISSING, NO_TOTAL)

log = logging.getLogger(__name__)


class Watcher:
    """Looks; what to do about it is `cortensor.watch.acting.Actor`'s.

    Args:
        observer: the chain.
        state: what is remembered.
        settings: how to watch.
        domain: where the routers' signatures count.
        secret: 32 random bytes that choose the spot checks.
        is_stopping: asked between batches; a pass that is stopped goes on with the next one.
    """

    def __init__(
        self,
        observer: Observer,
        state: State,
        settings: Settings,
        domain: Domain,
        secret: bytes,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._observer = observer
        self._state = state
        self._settings = settings
        self._domain = domain
        self._secret = secret
        self._is_stopping = is_stopping
        self._pending = Pending(observer, state)
        self._newest_epoch: int | None = None

    def look(self, held: Iterable[HeldReceipt] = ()) -> Head:
        """Bring everything up to the confirmed head, and note what is wrong.

        Args:
            held: receipts that callers have, to compare with what was anchored.

        Returns:
            The latest block, unconfirmed: its time is what windows are measured by.

        Raises:
            Unavailable: the node; what was stored is gone on with.
        """
        head = self._observer.head()
        self._newest_epoch = None
        end = head.number - self._settings.confirmations
        self._scan(end)
        # What was never tried comes whole, before anything is said to be missing.
        retried = self._state.waiting(self._settings.max_fetches, self._settings.routers)
        # Lazily: the second part asks again after each batch.
        for batch in chain((row for row in retried if row.tries), self._never_tried()):
            if self._is_stopping():
                return head
            self._check_batch(batch, head.time)
        self._check_held(held, end, head.time)
        self._cover(end, head.time)
        return head

    # Blocks

    def _scan(self, end: int) -> None:
        self._undo_reorganised()
        first = self._state.next_block()
        if first is None:
            first = self._settings.from_block
            self._state.add_settlers(self._observer.settlers())
        while first <= end and not self._is_stopping():
            last = min(end, first + RUN_BLOCKS - 1)
            seen = self._observer.seen(first, last)
            self._state.add_settlers(seen.settlers)
            for event in seen.disputes:
                if isinstance(event, Answered):
                    self._read_answer(event)
            self._state.advance(
                self._observer.head(last),
                settlers=seen.settlers,
                batches=seen.anchored,
                settled=list(self._settled(seen)),
                moved=self._pending.rebuilt(seen.moved),
                enrolled=seen.enrolled,
                disputes=seen.disputes,
            )
            first = last + 1

    def _settled(self, seen: Seen) -> Iterator[tuple[int, int]]:
        """Yield (session, block) of what was settled."""
        for found in seen.settlements:
            sessions = found.sessions
            if sessions is None:
                # Nobody says which: any of the router's stake sessions.
                new = [enrolled.session for enrolled in seen.enrolled]
                sessions = [s for s in new if s >> ROUTER_SHIFT == found.router_id]
                sessions += self._state.sessions.enrolled(found.router_id)
            for session in sessions:
                yield session, found.block

    def _undo_reorganised(self) -> None:
        """Forget blocks that are no longer the chain's."""
        passes = self._state.passes()
        for position, (block, block_hash) in enumerate(passes):
            try:
                is_same = self._observer.head(block).block_hash == block_hash
            except (NotFound, Unavailable):
                # A node behind the one asked before: nothing is known to be wrong.
                if self._observer.head().number < block:
                    raise Unavailable(
                        f"the node has not reached block {block}, which was seen before",
                        code="node_behind",
                    ) from None
                raise
            if is_same:
                if position:
                    log.warning("the chain was reorganised above block %s", block)
                    self._state.rewind(block)
                return
        if passes:
            log.warning("the chain was reorganised below everything that was seen")
            self._state.rewind(self._settings.from_block - 1)

    def _read_answer(self, event: Answered) -> None:
        """Take in the leaf that an answer made public."""
        dispute = self._observer.dispute
        if dispute is None or not self._is_watched(event.session):
            return
        to, data = self._observer.input_of(event.tx_hash)
        try:
            if to != dispute.address.lower():
                raise VerificationFailed("was sent through another contract", field="answer")
            shown, signature = dispute.read_answer(data)
            leaf = make_leaf(
                shown.receipt,
                shown.index,
                shown.cumulative,
                signature,
                self._domain,
                ("0x" + shown.root.hex(), shown.anchorer),
                tuple(shown.proof),
            )
            if "0x" + leaf.hashed.hex() != event.leaf:
                raise VerificationFailed("shows another leaf", field="answer")
        except Error as error:
            log.warning("answer %s cannot be read: %s", event.tx_hash, error)
            return
        settlers = self._settlers(leaf.session)
        findings = list(self._judge(leaf, settlers, self._state))
        self._state.add_shown(
            leaf,
            findings,
            is_signed=is_signed(leaf, settlers),
            block=event.block,
            now=self._observer.head(event.block).time,
        )
        self._state.cases.shown_by_answer(leaf.session, leaf.index)

    # Batches

    def _never_tried(self) -> Iterator[BatchRow]:
        while found := self._state.waiting(
            self._settings.max_fetches, self._settings.routers, is_retry=False
        ):
            yield from found

    def _check_batch(self, batch: BatchRow, now: int) -> None:
        """Fetch and check a batch."""
        against = self._against(batch)
        if not against:
            # Nobody has to publish it, so nothing is missing if nobody does.
            log.warning("%s was replaced before it anchored %s", batch.anchorer, batch.root)
            self._state.accept(batch, [], [], now)
            return
        try:
            leaves = self._fetch(batch)
        except (Unavailable, VerificationFailed) as error:
            self._state.tried(batch)
            detail = f"of {batch.anchorer}, {batch.count} leaves: {error}"
            missing = Finding(UNAVAILABLE, 0, 0, detail, root=batch.root)
            self._state.cases.note([missing], batch.block, now)
            return
        beside = Beside(self._state)
        found: list[Finding] = []
        stored: list[tuple[Leaf, bool | None]] = []
        for leaf in leaves:
            if leaf.session >> ROUTER_SHIFT not in against:
                detail = f"anchored by {batch.anchorer}, who settles for another router"
                found.append(Finding(FOREIGN, leaf.session, leaf.index, detail, leaves=(leaf,)))
                stored.append((leaf, None))
                continue
            settlers = self._settlers(leaf.session)
            found += self._judge(leaf, settlers, beside)
            beside.add(leaf)
            stored.append((leaf, is_signed(leaf, settlers)))
        self._state.accept(batch, stored, found, now)
        self._state.cases.finish(
            Finding(UNAVAILABLE, 0, 0, "", root=batch.root).key, "closed", "resolved"
        )

    def _against(self, batch: BatchRow) -> set[int]:
        """Return the routers that a batch counts against: its anchorer settled for them then."""
        found = set()
        for router, settlers in self._state.settlers().items():
            if batch.anchorer not in settlers:
                continue
            until = self._observer.settles_until(router, batch.anchorer)
            if (
                until == STILL_SETTLER
                or self._observer.anchored_at(batch.anchorer, batch.root) <= until
            ):
                found.add(router)
        return found

    def _fetch(self, batch: BatchRow) -> list[Leaf]:
        urls = [batch.uri] if batch.uri else []
        if self._settings.mirror is not None:
            urls.append(f"{self._settings.mirror}{batch.root}")
        failure: Error = Unavailable("names no address", code="batch_unavailable")
        for url in urls:
            try:
                return read_batch(
                    fetch(url, self._settings.limits),
                    root=batch.root,
                    anchorer=batch.anchorer,
                    count=batch.count,
                    domain=self._domain,
                )
            except (Unavailable, VerificationFailed) as error:
                failure = error
        raise failure

    def _judge(self, leaf: Leaf, settlers: set[str], known: Known) -> Iterable[Finding]:
        pin = self._pin(leaf.session)
        if pin is None:
            detail = "its session was never opened, so it can never be settled"
            return [Finding(FOREIGN, leaf.session, leaf.index, detail, leaves=(leaf,))]
        rightful = rightful_charge(
            leaf.receipt,
            pin,
            self._observer.card(pin.version),
            self._observer.surcharge(leaf.receipt.surcharge_epoch),
        )
        found = list(check_leaf(leaf, rightful, settlers, known))
        stale = check_epoch(leaf, self._replaced_at(leaf), self._settings.max_task_s)
        found += [] if stale is None else [stale]
        if pin.session_key is not None:
            unasked = check_request(
                leaf,
                pin.session_key,
                self._domain,
                spot_check_bps=self._settings.spot_check_bps,
                secret=self._secret,
            )
            found += [] if unasked is None else [unasked]
        if any(finding.kind in SHOWN_BY_ANSWER for finding in found) and self._was_shown(leaf):
            return [finding for finding in found if finding.kind not in SHOWN_BY_ANSWER]
        return found

    def _replaced_at(self, leaf: Leaf) -> int | None:
        """Return when the surcharge epoch after a leaf's was posted; None if it is in effect."""
        if self._newest_epoch is None:
            self._newest_epoch = self._observer.newest_epoch()
        if leaf.receipt.surcharge_epoch >= self._newest_epoch:
            return None
        following = self._observer.surcharge(leaf.receipt.surcharge_epoch + 1)
        return None if following is None else following.posted_at

    def _was_shown(self, leaf: Leaf) -> bool:
        """Return whether an answer showed the leaf, or shows it now."""
        return leaf.proof is not None or self._state.was_shown(leaf)

    def _pin(self, session: int) -> Pin | None:
        known = self._state.sessions.pin(session)
        if known is not None:
            return known
        facts = self._observer.session(session)
        if facts.state == STATE_NONE:
            return None
        bucket = self._observer.bucket(session) if facts.funding == FUNDING_STAKE else None
        pin = Pin(
            version=facts.version,
            volume_tier=facts.volume_tier,
            surcharge_cap_bps=facts.surcharge_cap_bps,
            task_cap_gwei=facts.task_cap_gwei,
            session_key=None if facts.session_key == NOBODY else facts.session_key.lower(),
            bucket=0 if facts.funding == FUNDING_STAKE and bucket is None else bucket,
        )
        if facts.funding != FUNDING_STAKE or bucket is not None:
            self._state.sessions.set_pin(session, pin)
        return pin

    def _settlers(self, session: int) -> set[str]:
        return self._state.settlers().get(session >> ROUTER_SHIFT, set())

    def _is_watched(self, session: int) -> bool:
        routers = self._settings.routers
        return not routers or session >> ROUTER_SHIFT in routers

    # What callers hold, and what nobody shows

    def _check_held(self, held: Iterable[HeldReceipt], block: int, now: int) -> None:
        found: list[Finding] = []
        for receipt in held:
            struct, signature = receipt.struct, receipt.signature
            for leaf in self._state.by_receipt(struct.session, struct.receipt_id):
                settlers = self._settlers(leaf.session)
                finding = check_signed(leaf, struct, signature, settlers, self._domain)
                if finding is not None:
                    found.append(finding)
        self._state.cases.note(found, block, now)

    def _cover(self, block: int, now: int) -> None:
        """Look whether settled totals rest on leaves that are shown."""
        opened = [row for row in self._state.cases.findings("open") if row.kind in COVERAGE]
        moved = self._state.sessions.to_cover()
        about = {s for s in moved if self._is_watched(s)} | {row.session for row in opened}
        found: list[Finding] = []
        for session in about:
            if not self._state.sessions.is_settled(session):
                continue  # the settlement was undone with its block
            settled = self._observer.session(session, block).settled
            pin = self._pin(session)
            places = self._state.places(session)
            is_stake = pin is not None and pin.is_stake
            noted = {r.index for r in opened if r.session == session and r.kind == MISSING}
            found += find_missing(session, settled, places, is_stake=is_stake, noted=noted)
        self._state.cases.note(found, block, now)
        still = {finding.key for finding in found}
        for row in opened:
            if row.key not in still:
                self._state.cases.finish(row.key, "closed", "resolved")
        self._state.sessions.covered(about)
