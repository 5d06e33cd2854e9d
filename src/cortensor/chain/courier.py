# SPDX-License-Identifier: Apache-2.0
"""Sends one transaction an action, safe to kill anywhere.

Signed bytes are stored before they are broadcast and sent again after a crash; where another
transaction took the nonce, or one below it is missing, the same call is signed anew. What is sent
here may be sent twice: the contracts refuse the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from cortensor.chain.sender import Sender
from cortensor.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.sender import Mined, SignedTransaction

ATTEMPTS = 3


class Journal(Protocol):
    """Where signed transactions are kept; see `cortensor.watch.state.State`."""

    def transactions(self, action: str) -> list[SignedTransaction]:
        """Return what was signed for an action, newest first."""

    def sign(self, action: str, transaction: SignedTransaction) -> None:
        """Store a signed transaction."""


class Delivery(Struct, frozen=True):
    """How an action went: `gas_price` is wei a gas, `reason` the contract's own words."""

    state: Literal["mined", "reverted", "refused", "waiting"]
    tx_hash: str | None = None
    gas_used: int = 0
    gas_price: int = 0
    reason: str = ""


class Courier:
    """Sends from one key, which nothing else should use.

    Args:
        web3: the node.
        key: 0x-hex private key.
        journal: where signed transactions are kept.
        timeout_s: how long to wait for each; what is not mined by then is looked at again by the
            next `deliver` of the same action.
    """

    def __init__(self, web3: Web3, key: str, journal: Journal, timeout_s: float) -> None:
        self._sender = Sender(web3, key)
        self._journal = journal
        self._timeout_s = timeout_s

    @property
    def address(self) -> str:
        """The key's address, lower case."""
        return self._sender.address.lower()

    def fee_of(self, to: str, data: str) -> int:
        """Return the most wei of the gas coin that a call would cost now.

        Raises:
            Conflict: the contract would refuse.
            Unavailable: the node.
        """
        try:
            return self._sender.fee_of(to, data)
        except Conflict as error:
            raise Conflict(_own_words(error), code=error.code) from error

    def deliver(self, action: str, to: str, data: str) -> Delivery:
        """Bring an action from where it stands to mined, if it can be.

        Raises:
            Unavailable: the node; the next call goes on.
        """
        for _ in range(ATTEMPTS):
            stored = self._journal.transactions(action)
            for transaction in stored:
                mined = self._sender.mined(transaction.tx_hash)
                if mined is not None and mined.is_success:
                    return _delivered(mined)
            try:
                transaction = self._current(action, to, data, stored)
            except Conflict as error:
                return Delivery("refused", reason=_own_words(error))
            if not self._sender.broadcast(transaction.raw):
                continue  # the nonce is used: by an earlier send of ours, or by a stranger
            try:
                mined = self._sender.wait(transaction.tx_hash, self._timeout_s)
            except Unavailable:
                return Delivery("waiting", tx_hash=transaction.tx_hash)
            return _delivered(mined)
        raise Unavailable(
            "the key's nonce moved during each attempt; is it used elsewhere?", code="nonce_moved"
        )

    def _current(
        self, action: str, to: str, data: str, stored: list[SignedTransaction]
    ) -> SignedTransaction:
        """Return the transaction to send: the stored one while its nonce and fee still serve."""
        newest = stored[0] if stored else None
        nonce = self._sender.place(None if newest is None else newest.nonce)
        if newest is None or nonce != newest.nonce:
            signed = self._sender.sign(to, data, nonce)
        elif newest.max_fee >= self._sender.base_fee():
            return newest
        else:
            signed = self._sender.sign(to, data, nonce, newest.raw)
        self._journal.sign(action, signed)
        return signed


def _own_words(error: Conflict) -> str:
    """Return a refusal as the contract put it."""
    return error.reason.removeprefix("estimate: ")


def _delivered(mined: Mined) -> Delivery:
    state: Literal["mined", "reverted"] = "mined" if mined.is_success else "reverted"
    return Delivery(state, mined.tx_hash, mined.gas_used, mined.gas_price)
