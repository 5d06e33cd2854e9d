# SPDX-License-Identifier: Apache-2.0
"""Who signs: anything with an address that turns a transaction into signed bytes."""

from __future__ import annotations

from typing import Any, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount


class Signer(Protocol):
    """One account that can sign."""

    @property
    def address(self) -> str:
        """The account's checksum address."""

    def sign(self, transaction: dict[str, Any]) -> bytes:
        """Return the signed transaction.

        Args:
            transaction: web3's keys: to, data, value, nonce, gas, chainId, type and fees.
        """


class KeySigner:
    """Signs with a key in memory: demos, tests, throw-away accounts.

    Args:
        key: the private key (32 bytes or hex), or an `eth_account` account.
    """

    def __init__(self, key: bytes | str | LocalAccount) -> None:
        self._account = key if isinstance(key, LocalAccount) else Account.from_key(key)

    @property
    def address(self) -> str:
        """The account's checksum address."""
        return str(self._account.address)

    def sign(self, transaction: dict[str, Any]) -> bytes:
        """Return the signed transaction."""
        return bytes(self._account.sign_transaction(transaction).raw_transaction)
