# SPDX-License-Identifier: Apache-2.0
"""Sends one call after the other from a key, and keeps nothing: the chain is the only memory.

For calls that the contracts refuse twice. Whoever was killed after a broadcast finds its
transaction under way and waits for it, so that the next call sees what it did.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cortensor.chain.sender import POLL_S, Sender
from cortensor.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.sender import Mined


class Caller:
    """Sends from one key, which nothing else should use at the same time.

    Args:
        web3: the node.
        key: 0x-hex private key.
        timeout_s: how long to wait for each transaction.
    """

    def __init__(self, web3: Web3, key: str, timeout_s: float = 120.0) -> None:
        self._sender = Sender(web3, key)
        self._timeout_s = timeout_s

    @property
    def address(self) -> str:
        """The key's address, checksummed."""
        return self._sender.address

    def settle_down(self) -> None:
        """Wait until nothing of this key is under way, or give up: the next call replaces it."""
        until = time.monotonic() + self._timeout_s
        while time.monotonic() < until:
            if self._sender.nonce("pending") <= self._sender.nonce("latest"):
                return
            time.sleep(POLL_S)

    def call(self, to: str, data: str) -> Mined:
        """Send a call and wait until it is mined.

        Raises:
            Conflict: the contract refuses; the reason is its own.
            Unavailable: the node, or the transaction is not mined in time and may be yet.
        """
        self.settle_down()
        nonce = self._sender.nonce("latest")
        try:
            signed = self._sender.sign(to, data, nonce)
        except Conflict as error:
            raise Conflict(error.reason.removeprefix("estimate: "), code=error.code) from error
        if not self._sender.broadcast(signed.raw):
            raise Unavailable("the key's nonce moved; is it used elsewhere?", code="nonce_moved")
        mined = self._sender.wait(signed.tx_hash, self._timeout_s)
        if not mined.is_success:
            raise Conflict(f"{signed.tx_hash} reverted", code="contract_refused")
        return mined
