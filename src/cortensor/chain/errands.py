# SPDX-License-Identifier: Apache-2.0
"""Sends what the settler has to send besides batches, each action once, and keeps what it cost."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from cortensor.chain.courier import Courier
from cortensor.chain.horizon import read_horizon
from cortensor.chain.sender import Sender, SignedTransaction
from cortensor.store.records import ErrandRecord

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.courier import Delivery
    from cortensor.chain.horizon import Horizon
    from cortensor.store.errands import Errands

log = logging.getLogger(__name__)


class Runner:
    """Sends errands from the settler's key, while nothing else does.

    Args:
        web3: the node.
        key: 0x-hex private key.
        errands: where they are kept.
        timeout_s: how long to wait for each.
    """

    def __init__(self, web3: Web3, key: str, errands: Errands, timeout_s: float) -> None:
        self._web3 = web3
        self._sender = Sender(web3, key)
        self._courier = Courier(web3, key, _Journal(errands), timeout_s)
        self._errands = errands

    def run(self, action: str, to: str, data: str) -> Delivery:
        """Send an errand, or go on with it where an earlier call was cut short.

        Args:
            action: what it does; one at a time is sent for it.
            to: the contract.
            data: calldata.

        Raises:
            Unavailable: the node; the next call goes on.
        """
        delivery = self._courier.deliver(action, to, data)
        self.note_costs()
        if delivery.state == "mined":
            self._errands.done(action)
        return delivery

    def follow(self) -> None:
        """Open again what a re-organisation undid, for the next `run`.

        One key's transactions are lost from the newest down: while that one is in the chain, no
        other is asked for.

        Raises:
            Unavailable: the node.
        """
        sent = self._errands.not_final()
        if sent and self._sender.mined(sent[-1][0]) is None:
            self.finish()

    def finish(self) -> None:
        """Look again at all that is mined and not known to be final. Raises Unavailable."""
        if self._errands.not_final():
            follow_errands(self._errands, self._sender, read_horizon(self._web3))

    def note_costs(self) -> None:
        """Keep what was mined meanwhile, also for callers that are gone. Raises Unavailable."""
        for tx_hash in self._errands.unmined():
            mined = self._sender.mined(tx_hash)
            if mined is not None:
                self._errands.note(mined.cost)


def follow_errands(errands: Errands, sender: Sender, horizon: Horizon) -> None:
    """Look again at errands that are mined and not final: some are by now, some lost their block.

    Raises:
        Unavailable: the node; nothing is taken for lost because it does not answer.
    """
    for tx_hash, block in errands.not_final():
        if sender.mined(tx_hash) is not None:
            if block <= horizon.final:
                errands.finish(tx_hash)
        elif block <= horizon.latest:
            log.warning("%s is not in the chain any more", tx_hash)
            errands.lose(tx_hash)


class _Journal:
    """The errands in the store as a courier's journal."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands

    def transactions(self, action: str) -> list[SignedTransaction]:
        """Return what was signed for an action and is not done, newest first."""
        return [
            SignedTransaction(each.tx_hash, each.nonce, each.raw, each.max_fee)
            for each in self._errands.transactions(action)
        ]

    def sign(self, action: str, transaction: SignedTransaction) -> None:
        """Store a signed transaction."""
        signed = ErrandRecord(
            transaction.tx_hash, action, transaction.nonce, transaction.raw, transaction.max_fee
        )
        self._errands.sign(signed, int(time.time()))
