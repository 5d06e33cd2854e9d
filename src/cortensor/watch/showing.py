# SPDX-License-Identifier: Apache-2.0
"""Shows on chain which pending money is a session's own, before something takes of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

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

ROUTER_SHIFT = 128

log = logging.getLogger(__name__)


class Show(Struct, frozen=True):
    """A call that shows something of a session; `fee` is the most wei of the gas coin it costs.

    `action` names its transaction: of the same batch or digest it stays the same, whatever is
    settled after it. `kind` is the contract's function, `told` what a report says of it.
    """

    session: int
    kind: Literal["show_pending", "show_prefix"]
    action: str
    data: str
    fee: int
    told: str


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
                calls = self._calls(session, batch)
                if not calls:
                    continue
                shows += calls
                lacking -= batch.moved(session)
                if lacking <= 0:
                    break
        except Error as error:
            log.warning("what %s has pending is not known: %s", session_name(session), error)
        return shows

    def _calls(self, session: int, batch: PendingBatch) -> list[Show]:
        """Return the calls that show a batch, in order; none if the contract refuses the first."""
        steps, near = batch.steps()
        data = self._dispute.show_pending_data(session, near)
        # What follows a step is refused until that is mined, so its fee is that of a full one. The
        # batch itself costs more: it has moves, and writes a claim.
        fee = self._fee(
            self._dispute.show_prefix_data(session, batch.longest_step()) if steps else data
        )
        if fee is None:
            return []
        place = f"{batch.version}:{batch.bucket}"
        calls = [
            Show(
                session,
                "show_prefix",
                f"prefix:{session >> ROUTER_SHIFT:x}:{place}:{step.before:040x}",
                self._dispute.show_prefix_data(session, step),
                fee,
                f"{len(step.later)} batches of bucket {batch.bucket}",
            )
            for step in steps
        ]
        told = f"{format_cor(batch.moved(session))} COR in bucket {batch.bucket}"
        # The digest before it tells a batch from its bucket's others.
        action = f"show:{session:040x}:{place}:{batch.before:040x}"
        calls.append(Show(session, "show_pending", action, data, 2 * fee if steps else fee, told))
        return calls

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
        """Send what was planned, each call once.

        Yields:
            What was done. An error stops nothing that comes after.

        Returns:
            Whether to go on: not while one waits to be mined, since what is sent from the same key
            waits behind it, and would be lost apart from it.
        """
        for show in shows:
            about = show.kind, session_name(show.session), 0
            if self._courier is None or self._is_dry:
                yield ActionReport(
                    *about, "no_key" if self._courier is None else "dry_run", show.told
                )
                continue
            try:
                done = self._courier.deliver(show.action, self._dispute.address, show.data)
            except Error as error:
                yield ActionReport(*about, "failed", str(error))
                continue
            yield ActionReport(*about, done.state, done.reason or show.told, done.tx_hash)
            if done.state == "waiting":
                return False
        return True
