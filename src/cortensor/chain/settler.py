# SPDX-License-Identifier: Apache-2.0
"""Drains the outbox: anchors and settles batches, one at a time, safe to kill anywhere.

No batch and no session holds up another. What the contract refuses is put off with its reason, and
its sessions with it; what it passes over moves under another root. Both are tried again by
themselves, less and less often, until they are settled or can never be.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cortensor.chain.anchor import Anchor
from cortensor.chain.driving import REVERTED, Driver, SettledBatch
from cortensor.chain.ending import Ender
from cortensor.chain.errands import Runner
from cortensor.chain.finality import Follower
from cortensor.chain.log_keeper import LogKeeper
from cortensor.chain.pool import Pool
from cortensor.chain.refusals import (
    EXCEEDS_BOND,
    IN_THE_FUTURE,
    REVERTS,
    is_of_all,
    last_try,
    own_words,
)
from cortensor.chain.release import Releaser
from cortensor.chain.retrying import Retrier
from cortensor.chain.rpc import chain_of, connect
from cortensor.chain.sender import Sender
from cortensor.chain.session_payment import SessionPayment
from cortensor.chain.settlement import Settlement
from cortensor.errors import Conflict, Error, Unavailable
from cortensor.pricing import format_cor
from cortensor.store.errands import authorise_action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cortensor.chain.book import AddressBook
    from cortensor.chain.ending import Ended
    from cortensor.chain.finality import Followed
    from cortensor.chain.release import Released
    from cortensor.store.records import BatchRecord, OpenSkip
    from cortensor.store.store import Store

__all__ = ["SettledBatch", "Settler"]

FULL_PERCENT = 80  # of the cover: from here on, matured money is released before more is settled
MAX_PUT_OFF = 8
"""Batches put off at once; beyond that nothing more is built. Whatever it is that the contract does
not like, it then holds for what waits as well, and a hundred small batches are dear to settle."""

log = logging.getLogger(__name__)


class Settler:
    """Settles for one router.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        book: contracts.
        key: the settler's private key, 0x hex.
        router_id: whose batches these are.
        store: where batches are kept, and what else is sent.
        uri_base: prefix of each batch's public address; None for none.
        timeout_s: how long to wait for a transaction.
        final_depth: how many blocks deep a block is final, for nodes that do not say it.
        first_block: in which the contracts were deployed, or an earlier one.
    """

    def __init__(
        self,
        *,
        rpc_url: str | Sequence[str],
        book: AddressBook,
        key: str,
        router_id: int,
        store: Store,
        uri_base: str | None,
        timeout_s: float,
        final_depth: int = 64,
        first_block: int = 0,
    ) -> None:
        web3 = connect(rpc_url, book.chain_id)
        self._sender = Sender(web3, key)
        self._payment = SessionPayment(web3, book.session_payment)
        self._settlement = Settlement(web3, book.session_payment, book.stake_quota)
        self._pool = None if book.stake_pool is None else Pool(web3, book.stake_pool)
        self._anchor = Anchor(web3, book.receipt_anchor)
        self._web3, self._chain_id = web3, book.chain_id
        self._place = store.database.settling  # two processes never settle at once
        self._outbox = store.outbox
        self._skips = store.skips
        self._runner = Runner(web3, key, store.errands, timeout_s)
        self._driver = Driver(self._sender, self._settlement, router_id, store.outbox, timeout_s)
        self._follower = Follower(web3, self._sender, self._driver, store, final_depth)
        self._keeper = LogKeeper(
            web3, self._follower, book.receipt_anchor, self._sender.address, store, first_block
        )
        self._releaser = Releaser(
            self._sender, self._runner, self._settlement, router_id, store.outbox
        )
        self._retrier = Retrier(
            self._payment, self._settlement, router_id, self._sender.address, store.skips, uri_base
        )
        self._ender = Ender(self._runner, self._anchor, self._sender.address, store.errands)
        self._router_id = router_id
        self._uri_base = uri_base

    def settle_all(self, until: int | None = None) -> list[SettledBatch]:
        """Settle everything that waits, oldest first, and return what was settled.

        A batch that the contract refuses is put off or parked; `Outbox.refusals` says why.

        Args:
            until: leave what was put off alone unless its turn has come by then, unix seconds; by
                default all of it is tried. Parked batches are not.

        Raises:
            Conflict: another process settles (`already_running`), the node is on another chain
                (`wrong_chain`), the key is not the router's settler (`not_settler`), or nothing of
                the router is settled now (`contract_refused`: a pause, for example).
            Unavailable: the node; what was stored is resumed by the next call.
        """
        done: list[SettledBatch] = []
        with self._turn():
            self._runner.note_costs()  # of what an earlier call did not see mined
            self._follower.follow()  # what lost its block is unsettled again
            waiting = self._skips.due(until)  # what is passed over below has its turn later
            is_prepared = False
            for batch in self._batches(until):
                if not is_prepared:
                    self._prepare()
                    self._make_room()
                    is_prepared = True
                done += self._settled(batch)
            if waiting and not is_prepared:
                self._prepare()
            for batch in self._retries(waiting):
                done += self._settled(batch)
            self._ender.go_on()
        return done

    def follow(self) -> list[Followed]:
        """Look again at what is mined and not final, and log what has become final.

        Raises:
            Conflict: another process settles (`already_running`), or the node is on another chain
                (`wrong_chain`).
            Unavailable: the node.
        """
        with self._turn():
            found = self._follower.follow()
            if not self._outbox.unsettled():  # batches first: they were sent before
                self._ender.go_on()
            try:
                self._keeper.extend()
            except Error as error:  # a log that lags holds up no settlement
                log.warning("transparency log: %s", error)
            return found

    def release(self) -> list[Released]:
        """Release what has matured of the router's money.

        Raises:
            Conflict: another process settles (`already_running`), or the node is on another chain
                (`wrong_chain`).
            Unavailable: the node.
        """
        with self._turn():
            return self._releaser.release_matured()

    def end(self, receipt_id: str, successor: str | None = None) -> Ended:
        """Say on chain that a receipt no longer stands; see `Ender.end`.

        Raises:
            Conflict: another process settles (`already_running`), the node is on another chain
                (`wrong_chain`), the key is not the router's settler (`not_settler`), it ended
                otherwise before (`receipt_not_active`), or the contract refuses
                (`contract_refused`).
            Unavailable: the node, or not mined in time; it is gone on with.
        """
        with self._turn():
            self._require_settler()
            return self._ender.end(receipt_id, successor)

    def base_fee(self) -> int:
        """Return what gas costs now, in wei, before any tip. Raises Unavailable."""
        return self._sender.base_fee()

    def unpark(self) -> list[str]:
        """Let parked batches be tried again, and return their roots; see `Outbox.unpark`.

        Raises:
            Conflict: another process settles (`already_running`).
        """
        with self._place():
            return self._outbox.unpark()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Settle alone, and on the right chain: on another one every block of ours would be lost.

        Raises:
            Conflict: another process settles (`already_running`), or the node is on another chain
                than the contracts (`wrong_chain`).
            Unavailable: the node.
        """
        with self._place():
            if self._chain_id is not None:
                chain_of(self._web3, self._chain_id, "rpc_url")
            yield

    def _batches(self, until: int | None) -> Iterator[BatchRecord]:
        """Yield what is to be settled: first what was built before, then what waits."""
        yield from self._outbox.unsettled(until)
        while self._outbox.pending().receipts and self._may_build():
            batch = self._outbox.build(self._uri_base, self._sender.time_of(), self._most())
            if batch is None:
                return
            yield batch

    def _may_build(self) -> bool:
        put_off = [refusal for refusal in self._outbox.refusals() if refusal.next_at is not None]
        return len(put_off) < MAX_PUT_OFF

    def _most(self) -> int | None:
        """Return what a batch may move at most: the contract settles none above the cover."""
        cover = 0 if self._pool is None else self._pool.cover(self._router_id)
        return cover or None  # without any bond a batch is refused, whatever it moves

    def _retries(self, waiting: list[OpenSkip]) -> Iterator[BatchRecord]:
        """Yield batches of what was passed over before this call and did not move in it."""
        still = {(skip.session, skip.cumulative) for skip in self._skips.due(None)}
        due = [skip for skip in waiting if (skip.session, skip.cumulative) in still]
        if due:
            yield from self._retrier.batches(due, self._sender.time_of())

    def _settled(self, batch: BatchRecord) -> list[SettledBatch]:
        """Settle a batch; return nothing where it was refused, which is then noted."""
        try:
            return [self._settle(batch)]
        except Conflict as error:
            if is_of_all(error.reason):
                raise
            self._put_off(batch, error)
            return []

    def _settle(self, batch: BatchRecord) -> SettledBatch:
        """Drive a batch; if the bond does not cover it, release what has matured and try again."""
        try:
            return self._driver.drive(batch)
        except Conflict as error:
            if EXCEEDS_BOND not in error.reason:
                raise
        released = self._releaser.release_matured()
        if any(not bucket.reason for bucket in released):
            return self._driver.drive(batch)
        raise Conflict(EXCEEDS_BOND, field="router_id", code="pending_exceeds_bond")

    def _put_off(self, batch: BatchRecord, error: Conflict) -> None:
        now = int(time.time())
        reason, next_at, last = own_words(error.reason), None, last_try(error.reason)
        if error.code == REVERTED:
            last = 1 if self._outbox.reverts(batch.root) >= REVERTS else None
        elif EXCEEDS_BOND in reason:
            wait_s, reason = self._until_room(batch)
            next_at = None if wait_s is None else now + wait_s
        elif IN_THE_FUTURE in reason and batch.work_at is not None:
            next_at = now + max(1, batch.work_at - self._sender.time_of())
        noted = self._outbox.refuse(batch.root, reason, now, next_at=next_at, last_try=last)
        log.error(
            "batch %s is not settled: %s; %s",
            batch.root,
            reason,
            "parked: see `cortensor outbox`, and `cortensor settle --unpark` when it is mended"
            if noted.next_at is None
            else f"tried again at {_utc(noted.next_at)}",
        )

    def _until_room(self, batch: BatchRecord) -> tuple[int | None, str]:
        """Return the seconds until more can be pending, if that is known, and what to do."""
        pending = self._settlement.total_pending(self._router_id)
        at = self._releaser.next_at()
        when = "nothing is known to mature" if at is None else f"the next release is at {_utc(at)}"
        reason = (
            f"{EXCEEDS_BOND}: router {self._router_id} has {format_cor(pending)} COR pending, and"
            f" its bond does not cover {format_cor(batch.total)} COR more: bond more, or wait"
            f" ({when})"
        )
        return None if at is None else max(1, at - self._sender.time_of()), reason

    def _make_room(self) -> None:
        """Release what has matured if little more can be pending."""
        if self._pool is None:
            return
        cover = self._pool.cover(self._router_id)
        if self._settlement.total_pending(self._router_id) * 100 >= cover * FULL_PERCENT:
            self._releaser.release_matured()

    def _require_settler(self) -> None:
        """Check that the key is the router's settler."""
        settler = self._payment.router(self._router_id).settler
        if settler.lower() != self._sender.address.lower():
            raise Conflict(
                f"router {self._router_id} settles from {settler}, the key is "
                f"{self._sender.address}",
                field="signer_key_env",
                code="not_settler",
            )

    def _prepare(self) -> None:
        """Check the key, and let SessionPayment anchor in its name (once ever)."""
        self._require_settler()
        if self._anchor.is_authorised(self._sender.address, self._payment.address):
            return
        data = self._anchor.authorise_data(self._payment.address)
        action = authorise_action(self._payment.address)
        done = self._runner.run(action, self._anchor.address, data)
        if done.state == "waiting":
            raise Unavailable(
                f"authorising the anchor: {done.tx_hash} is not mined yet; settle again to resume",
                code="settlement_pending",
            )
        if done.state != "mined":
            raise Conflict(
                f"authorising the anchor failed: {done.reason or done.state}",
                code="contract_refused",
            )


def _utc(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"
