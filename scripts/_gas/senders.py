# SPDX-License-Identifier: Apache-2.0
"""Who sends a scenario's transactions: the node for free, or keys of our own that pay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address

ACTORS = 10
GAS_LIMIT = 25_000_000
BALANCE_WEI = 10**24

Rpc = Callable[..., Any]


def keyed(name: str) -> LocalAccount:
    """Return an account that signs here, the same in every run."""
    account: LocalAccount = Account.from_key(keccak(text=f"cortensor bench {name}"))
    return account


class Senders(Protocol):
    """Accounts, and how they send."""

    def actors(self) -> list[str]:
        """Return the accounts that act in every scenario."""

    def admit(self, account: LocalAccount) -> None:
        """Let an account send."""

    def stranger(self, name: str) -> str:
        """Return an account of its own that may send."""

    def send(self, sender: str, data: str, to: str | None, value: int = 0) -> str:
        """Send a call with wei of the coin, or create a contract; return the transaction's hash."""


class Unlocked:
    """The node sends for anybody, and nobody pays: no fee moves gasUsed.

    Args:
        rpc: asks the node.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def actors(self) -> list[str]:
        """Return the node's own accounts."""
        return list(map(to_checksum_address, self._rpc("eth_accounts")[:ACTORS]))

    def admit(self, account: LocalAccount) -> None:
        """Let the node send for an account."""
        self._rpc("anvil_impersonateAccount", account.address)

    def stranger(self, name: str) -> str:
        """Return an address that nobody has the key of."""
        address = to_checksum_address(keccak(text=f"cortensor bench {name}")[12:])
        self._rpc("anvil_impersonateAccount", address)
        return address

    def send(self, sender: str, data: str, to: str | None, value: int = 0) -> str:
        """Send without a signature or a price."""
        transaction = {"from": sender, "data": data, "gas": hex(GAS_LIMIT), "gasPrice": "0x0"}
        if to is not None:
            transaction |= {"to": to, "value": hex(value)}
        return str(self._rpc("eth_sendTransaction", transaction))


class Signing:
    """Signed transactions that pay the base fee, as on a network.

    Args:
        rpc: asks the node.
        chain_id: what is signed for.
        nonces: with which accounts begin, so that the same is signed as on another chain.

    Attributes:
        nonces: with which accounts began.
    """

    def __init__(self, rpc: Rpc, chain_id: int, nonces: Mapping[str, int] | None = None) -> None:
        self._rpc, self._chain_id = rpc, chain_id
        self._keys: dict[str, LocalAccount] = {}
        self.nonces: dict[str, int] = dict(nonces or {})

    def actors(self) -> list[str]:
        """Return accounts that nobody else has used."""
        return [self.stranger(f"actor {number}") for number in range(ACTORS)]

    def admit(self, account: LocalAccount) -> None:
        """Keep a key, and give its account coins for gas."""
        self._keys[account.address] = account
        if account.address in self.nonces:
            self._rpc("anvil_setNonce", account.address, hex(self.nonces[account.address]))
        else:
            self.nonces[account.address] = self._nonce(account.address)
        self._rpc("anvil_setBalance", account.address, hex(BALANCE_WEI))

    def stranger(self, name: str) -> str:
        """Return the address of a key of its own."""
        account = keyed(name)
        self.admit(account)
        return str(account.address)

    def send(self, sender: str, data: str, to: str | None, value: int = 0) -> str:
        """Sign, and send the bytes."""
        fields = {
            "chainId": self._chain_id,
            "nonce": self._nonce(sender),
            "gas": GAS_LIMIT,
            "maxFeePerGas": 2 * int(self._rpc("eth_gasPrice"), 16),
            "maxPriorityFeePerGas": 0,
            "value": value,
            "data": data,
        }
        signed = self._keys[sender].sign_transaction(fields | ({} if to is None else {"to": to}))
        return str(self._rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()))

    def _nonce(self, account: str) -> int:
        return int(self._rpc("eth_getTransactionCount", account, "latest"), 16)
