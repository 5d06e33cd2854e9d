# SPDX-License-Identifier: Apache-2.0
"""Ape's accounts as signers: keyfiles for real networks, test accounts for nodes of one's own."""

from __future__ import annotations

import os
import sys
from typing import Any

from cortensor.errors import InvalidInput

TEST_PREFIX = "TEST::"


class ApeSigner:
    """Signs with an Ape account, on the ecosystem of the connected provider.

    Args:
        account: the Ape account.
        provider: the connected provider, which knows how transactions are typed.
    """

    def __init__(self, account: Any, provider: Any) -> None:
        self._account = account
        self._ecosystem = provider.network.ecosystem

    @property
    def address(self) -> str:
        """The account's checksum address."""
        return str(self._account.address)

    def sign(self, transaction: dict[str, Any]) -> bytes:
        """Return the signed transaction. Raises InvalidInput if the holder declines."""
        typed = self._ecosystem.create_transaction(**{**transaction, "from": self.address})
        signed = self._account.sign_transaction(typed)
        if signed is None:
            raise InvalidInput("was not signed", field="--account")
        return bytes(signed.serialize_transaction())


def test_address(index: int) -> str:
    """Return the address of Ape's N-th test account."""
    return str(_test_account(index).address)


def load_signer(name: str, provider: Any, *, may_prompt: bool) -> ApeSigner:
    """Return the signer of an account.

    Args:
        name: an alias of `ape accounts list`, or `TEST::N`.
        provider: the connected provider.
        may_prompt: whether the holder can be asked for the passphrase. Otherwise it comes from the
            environment variable `APE_ACCOUNTS_<alias>_PASSPHRASE`, as everywhere in Ape.

    Raises:
        InvalidInput: for an unknown alias, or no way to unlock it.
    """
    # Here and not above: a connected provider is a reason to have Ape, a list of scripts is not.
    from ape import accounts  # noqa: PLC0415
    from ape.exceptions import ApeException  # noqa: PLC0415

    if name.startswith(TEST_PREFIX):
        index = name.removeprefix(TEST_PREFIX)
        if not index.isdecimal():
            raise InvalidInput(f"{name} must end in a number", field="--account")
        return ApeSigner(_test_account(int(index)), provider)
    if name not in list(accounts.aliases):
        raise InvalidInput(f"no account {name}; `ape accounts list` shows them", field="--account")
    account: Any = accounts.load(name)
    variable = f"APE_ACCOUNTS_{name}_PASSPHRASE"
    if not may_prompt or os.environ.get(variable):
        if not os.environ.get(variable):
            raise InvalidInput(f"cannot be unlocked: set {variable}", field="--account")
        try:
            account.set_autosign(True)
        except ApeException as error:
            raise InvalidInput(f"cannot be unlocked: {error}", field="--account") from error
    return ApeSigner(account, provider)


def has_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _test_account(index: int) -> Any:
    from ape import accounts  # noqa: PLC0415

    # Ape makes as many as its configuration says and derives further ones on demand.
    return accounts.test_accounts[index]
