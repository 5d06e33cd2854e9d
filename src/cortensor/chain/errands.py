# SPDX-License-Identifier: Apache-2.0
"""Sends what the settler has to send besides batches, each action once, and keeps what it cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cortensor.chain.courier import Courier
from cortensor.chain.sender import Sender, SignedTransaction
from cortensor.store.records import ErrandRecord

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.courier import Delivery
    from cortensor.store.errands import Errands


class Runner:
    """Sends errands from the settler's key, while nothing else does.

    Args:
        web3: the node.
        key: 0x-hex private key.
        errands: where they are kept.
        timeout_s: how long to wait for each.
    """

    def __init__(self, web3: Web3, key: str, errands: Errands, timeout_s: float) -> None:
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

    def note_costs(self) -> None:
        """Keep what was mined meanwhile, also for callers that are gone. Raises Unavailable."""
        for tx_hash in self._errands.unmined():
            mined = self._sender.mined(tx_hash)
            if mined is not None:
                self._errands.note(mined.cost)


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
