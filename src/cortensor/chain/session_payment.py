# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of SessionPayment."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from web3 import Web3

from cortensor.chain.book import SESSION_PAYMENT
from cortensor.chain.rpc import contract, node_errors
from cortensor.receipts.anchor_view import SessionState

FUNDING_ESCROW, FUNDING_VOUCHER, FUNDING_STAKE = range(3)
NOBODY = "0x" + "00" * 20
STILL_SETTLER = 2**256 - 1


class RouterState(Struct, frozen=True):
    """A registered router: its settler, and wei settled but not yet released."""

    settler: str
    pending: int


class PaymentSession(Struct, frozen=True):
    """A session with everything the contract keeps of it; money in wei.

    All but `deposit`, `settled`, `expiry` and `state` is fixed when it is opened. `session_key`
    is the zero address for none; `funding` one of FUNDING_ESCROW, FUNDING_VOUCHER, FUNDING_STAKE.
    """

    payer: str
    session_key: str
    deposit: int
    settled: int
    expiry: int
    state: int
    funding: int
    volume_tier: int
    version: int
    surcharge_cap_bps: int
    task_cap_gwei: int


class Windows(Struct, frozen=True):
    """Seconds: to settle after a session's end, to challenge, and that share a pending bucket."""

    settle: int
    challenge: int
    bucket: int


class SessionPayment:
    """The escrow contract at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, SESSION_PAYMENT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def session(self, session: int) -> SessionState:
        """Return a session as verifiers see it; its state is 0 if it was never opened."""
        found = self._session(session, None)
        return SessionState(**{name: found[name] for name in SessionState._fields})

    def facts(self, session: int, block: int | None = None) -> PaymentSession:
        """Return a session with all its facts, now or as of a block that the node still has."""
        return PaymentSession(**self._session(session, block))

    def _session(self, session: int, block: int | None) -> dict[str, Any]:
        call = self._contract.functions.session(session)
        with node_errors("session"):
            values = call.call(block_identifier="latest" if block is None else block)
        names = (part["name"] for part in call.abi["outputs"][0]["components"])
        return dict(zip(names, values, strict=True))

    def session_id(self, payer: str, router_id: int, salt: bytes) -> int:
        """Return the id that a payer's session with a router has under a salt of 32 bytes."""
        with node_errors("session id"):
            call = self._contract.functions.session_id(_address(payer), router_id, salt)
            return int(call.call())

    def router(self, router_id: int) -> RouterState:
        """Return a router; the settler is the zero address if there is none."""
        with node_errors("router"):
            settler, pending = self._contract.functions.router(router_id).call()
        return RouterState(str(settler), int(pending))

    def router_count(self) -> int:
        """Return how many routers there are; it is the newest id, too."""
        with node_errors("router count"):
            return int(self._contract.functions.router_count().call())

    def settles_until(self, router_id: int, account: str) -> int:
        """Return until when an account settled for a router, in unix seconds.

        STILL_SETTLER for the settler of now, 0 for who never was. What it anchored until then
        counts against the router.
        """
        with node_errors("settler until"):
            call = self._contract.functions.settles_until(router_id, _address(account))
            return int(call.call())

    def moves_digest(self, router_id: int, version: int, bucket: int) -> int:
        """Return the digest of what sessions moved into a bucket; 0 for none, or if released."""
        with node_errors("moves digest"):
            call = self._contract.functions.moves_digest(router_id, version, bucket)
            return int(call.call())

    def windows(self) -> Windows:
        """Return the contract's windows."""
        functions = self._contract.functions
        with node_errors("windows"):
            return Windows(
                int(functions.SETTLE_WINDOW_SECONDS().call()),
                int(functions.CHALLENGE_WINDOW_SECONDS().call()),
                int(functions.BUCKET_SECONDS().call()),
            )

    def token(self) -> str:
        """Return the address of COR."""
        with node_errors("token"):
            return str(self._contract.functions.TOKEN().call())

    def pool(self) -> str:
        """Return the address of the stake pool, where routers bond."""
        with node_errors("pool"):
            return str(self._contract.functions.POOL().call())

    def quota(self) -> str:
        """Return the address of the stake quota."""
        with node_errors("quota"):
            return str(self._contract.functions.QUOTA().call())

    def dispute(self) -> str:
        """Return the address of the dispute contract; the zero address for none yet."""
        with node_errors("dispute"):
            return str(self._contract.functions.dispute().call())

    def settle_window_seconds(self) -> int:
        """Return how long after a session's end it can still be settled."""
        with node_errors("settle window"):
            return int(self._contract.functions.SETTLE_WINDOW_SECONDS().call())

    def linked(self) -> tuple[str, str]:
        """Return the addresses of the price table and the anchor the contract works with."""
        with node_errors("linked contracts"):
            table = self._contract.functions.TABLE().call()
            anchor = self._contract.functions.ANCHOR().call()
        return str(table), str(anchor)


def _address(text: str) -> str:
    return str(Web3.to_checksum_address(text))
