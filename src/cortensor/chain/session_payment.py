# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of SessionPayment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cortensor.chain.book import SESSION_PAYMENT
from cortensor.chain.rpc import contract, node_errors
from cortensor.receipts.anchor_view import SessionState

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.store.records import BatchRecord


class Skipped(Struct, frozen=True):
    """A session a settlement passed over, and why (the contract's own words)."""

    session: str
    cumulative: int
    reason: str


class RouterState(Struct, frozen=True):
    """A registered router: its settler, and wei settled but not yet released."""

    settler: str
    pending: int


class SessionPayment:
    """The escrow contract at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, SESSION_PAYMENT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def session(self, session: int) -> SessionState:
        """Return a session; its state is 0 if it was never opened."""
        with node_errors("session"):
            return SessionState(*self._contract.functions.session(session).call())

    def router(self, router_id: int) -> RouterState:
        """Return a router; the settler is the zero address if there is none."""
        with node_errors("router"):
            settler, pending = self._contract.functions.router(router_id).call()
        return RouterState(str(settler), int(pending))

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

    def settle_data(self, router_id: int, batch: BatchRecord) -> str:
        """Return the calldata of `settle` for a batch; the same for the same batch, for ever."""
        argument = {
            "router_id": router_id,
            "version": batch.version,
            "root": bytes.fromhex(batch.root[2:]),
            "count": batch.count,
            "uri": batch.uri,
            "items": batch.items,
        }
        return str(self._contract.encode_abi("settle", args=[argument]))

    def skipped(self, receipt: Any) -> list[Skipped]:
        """Return the sessions a mined `settle` skipped, from its transaction receipt."""
        event = self._contract.events.SettlementSkipped()
        found = []
        for entry in receipt["logs"]:
            if entry["address"].lower() != self.address.lower():
                continue
            if not entry["topics"] or bytes(entry["topics"][0]) != _topic(event):
                continue
            args = event.process_log(entry)["args"]
            found.append(Skipped(f"0x{args['session']:040x}", args["cumulative"], args["reason"]))
        return found


def _topic(event: Any) -> bytes:
    return bytes.fromhex(str(event.topic).removeprefix("0x"))
