# SPDX-License-Identifier: Apache-2.0
"""Shows on chain which pending money is a session's own, before something takes of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import Conflict, Error
from cortensor.pricing import format_cor
from cortensor.watch.report import ActionReport, session_name

if TYPE_CHECKING:
    from collections.abc import Generator

    from cortensor.chain.courier import Courier
    from cortensor.chain.dispute import Dispute
    from cortensor.chain.pending_moves import PendingBatch
    from cortensor.watch.pending import Pending

log = logging.getLogger(__name__)


class Show(Struct, frozen=True):
    """A batch that is to be shown for a session; `fee` is the most wei of the gas coin it costs."""

    session: int
    batch: PendingBatch
    data: str
    fee: int

    @property
    def action(self) -> str:
        """The name of its transaction; the digest before it tells a batch from its bucket's others.

        Of the same batch it stays the same, whatever is settled after it.
        """
        place = f"{self.batch.version}:{self.batch.bucket}:{self.batch.before:040x}"
        return f"show:{self.session:040x}:{place}"


class Showing:
    """Shows pending batches, as many as it takes.

    Args:
        dispute: the dispute contract.
        pending: what sessions moved.
        courier: sends; None without a key.
        is_dry: only report.
    """

    def __init__(
        self, dispute: Dispute, pending: Pending, courier: Courier | None, *, is_dry: bool
    ) -> None:
        self._dispute = dispute
        self._pending = pending
        self._courier = courier
        self._is_dry = is_dry

    def plan(self, session: int, due: int, now: int) -> list[Show]:
        """Return what is to be shown so that a session can claim what is due.

        The newest first: a claim ends with its bucket, so the newest lasts longest. What cannot be
        shown, or was, is left out; the bond then pays.

        Args:
            session: the session.
            due: wei of COR.
            now: the latest block's time.
        """
        shows: list[Show] = []
        try:
            lacking = due - sum(claim.claimable for claim in self._dispute.claims(session))
            for batch in self._pending.batches(session, now) if lacking > 0 else ():
                data = self._dispute.show_pending_data(session, batch)
                fee = self._fee(data)
                if fee is None:
                    continue
                shows.append(Show(session, batch, data, fee))
                lacking -= batch.moved(session)
                if lacking <= 0:
                    break
        except Error as error:
            log.warning("what %s has pending is not known: %s", session_name(session), error)
        return shows

    def _fee(self, data: str) -> int | None:
        """Return the most that a call costs; None if the contract refuses it."""
        if self._courier is None:
            return 0
        try:
            return self._courier.fee_of(self._dispute.address, data)
        except Conflict as error:
            log.info("not shown: %s", error.reason)
            return None

    def send(self, shows: list[Show]) -> Generator[ActionReport, None, bool]:
        """Send what was planned, each batch once.

        Yields:
            What was done. An error stops nothing that comes after.

        Returns:
            Whether to go on: not while one waits to be mined, since what is sent from the same key
            waits behind it, and would be lost apart from it.
        """
        for show in shows:
            moved = format_cor(show.batch.moved(show.session))
            told = f"{moved} COR in bucket {show.batch.bucket}"
            about = "show_pending", session_name(show.session), 0
            if self._courier is None or self._is_dry:
                yield ActionReport(*about, "no_key" if self._courier is None else "dry_run", told)
                continue
            try:
                done = self._courier.deliver(show.action, self._dispute.address, show.data)
            except Error as error:
                yield ActionReport(*about, "failed", str(error))
                continue
            yield ActionReport(*about, done.state, done.reason or told, done.tx_hash)
            if done.state == "waiting":
                return False
        return True
