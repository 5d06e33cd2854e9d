# SPDX-License-Identifier: Apache-2.0
"""Takes receipts back on chain, each once: revoked, or superseded by another receipt.

An ending that was cut short, or lost its block, is gone on with by whoever settles next.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.errors import Conflict, Unavailable
from cortensor.store.errands import end_action, ended_by

if TYPE_CHECKING:
    from cortensor.chain.anchor import Anchor
    from cortensor.chain.errands import Runner
    from cortensor.store.errands import Errands

NO_SUCCESSOR = "0x" + "00" * 32

log = logging.getLogger(__name__)


class Ended(Struct, frozen=True):
    """A receipt that does not stand any more: ids are 0x hex, `ended_at` unix seconds.

    `tx_hash` is None where it had ended before.
    """

    receipt_id: str
    successor: str | None
    ended_at: int
    tx_hash: str | None


class Ender:
    """Ends receipts in one anchorer's name.

    Args:
        runner: sends, and keeps what it cost.
        anchor: the contract.
        anchorer: the address that `runner` sends from.
        errands: knows what is open.
    """

    def __init__(self, runner: Runner, anchor: Anchor, anchorer: str, errands: Errands) -> None:
        self._runner = runner
        self._anchor = anchor
        self._anchorer = anchorer
        self._errands = errands

    def end(self, receipt_id: str, successor: str | None) -> Ended:
        """Revoke a receipt, or supersede it.

        Args:
            receipt_id: 0x hex.
            successor: the receipt that takes its place, 0x hex; None for none.

        Raises:
            Conflict: it ended otherwise before, which is for good (`receipt_not_active`), or the
                contract refuses (`contract_refused`).
            Unavailable: the node, or not mined in time (`settlement_pending`); it is gone on with.
        """
        before = self._found(receipt_id, successor, None)
        if before is not None:
            return before
        data = self._anchor.end_data(receipt_id, successor)
        action = end_action(receipt_id, successor)
        done = self._runner.run(action, self._anchor.address, data)
        if done.state == "waiting":
            raise Unavailable(
                f"{done.tx_hash} is not mined yet; it is gone on with", code="settlement_pending"
            )
        found = self._found(receipt_id, successor, done.tx_hash)
        if found is None:
            raise Conflict(done.reason or done.state, field="receipt", code="contract_refused")
        return found

    def _found(self, receipt_id: str, successor: str | None, tx_hash: str | None) -> Ended | None:
        found = self._anchor.revocation(self._anchorer, receipt_id)
        if not found.revoked_at:
            return None
        if found.successor != (successor or NO_SUCCESSOR):
            by = "" if found.successor == NO_SUCCESSOR else f" by {found.successor}"
            raise Conflict(
                f"is {found.state} already{by}, for good",
                field="receipt",
                code="receipt_not_active",
            )
        return Ended(receipt_id, successor, found.revoked_at, tx_hash)

    def go_on(self) -> None:
        """Send again what is open. What can never be done is said and left.

        Raises:
            Unavailable: the node.
        """
        for action in self._errands.open_endings():
            receipt_id, successor = ended_by(action)
            try:
                ended = self.end(receipt_id, successor)
            except Conflict as error:
                log.error("receipt %s: %s", receipt_id, error)  # noqa: TRY400 -- the reason is enough
            except Unavailable as error:
                if error.code != "settlement_pending":
                    raise
                log.warning("receipt %s: %s", receipt_id, error)
                continue
            else:
                log.info("receipt %s ended at %d", receipt_id, ended.ended_at)
            self._errands.done(action)
