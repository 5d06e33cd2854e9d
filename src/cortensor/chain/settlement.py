# SPDX-License-Identifier: Apache-2.0
"""Settlement on chain: the calldata of each funding, what a mined call did, and releases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from web3.logs import DISCARD

from cortensor.chain.book import SESSION_PAYMENT, STAKE_QUOTA
from cortensor.chain.rpc import contract, node_errors
from cortensor.store.records import ESCROW, STAKE, VOUCHER, SkipRecord

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.store.records import BatchRecord

FUNCTIONS = {ESCROW: "settle", VOUCHER: "settle_vouchers", STAKE: "settle_stake"}
SETTLED = ("BatchSettled", "VouchersSettled", "StakeSettled")


class Settlement:
    """What a settler calls and reads.

    Args:
        web3: the node.
        session_payment: the escrow.
        stake_quota: where draws are skipped; None where stake is not served.
    """

    def __init__(self, web3: Web3, session_payment: str, stake_quota: str | None) -> None:
        self._web3 = web3
        self._payment = contract(web3, SESSION_PAYMENT, session_payment)
        events = self._payment.events
        self._skips = [(self._payment.address, events.SettlementSkipped())]
        if stake_quota is not None:
            quota = contract(web3, STAKE_QUOTA, stake_quota)
            self._skips.append((quota.address, quota.events.DrawSkipped()))

    @property
    def address(self) -> str:
        """The checksummed address of the escrow."""
        return str(self._payment.address)

    def data(self, router_id: int, batch: BatchRecord) -> str:
        """Return a batch's calldata; the same for the same batch, for ever."""
        argument: dict[str, Any] = {
            "router_id": router_id,
            "version": batch.version,
            "root": bytes.fromhex(batch.root[2:]),
            "count": batch.count,
            "uri": batch.uri,
        }
        if batch.funding == VOUCHER:
            argument["vouchers"] = [
                {"item": item, "r": bytes.fromhex(r[2:]), "vs": bytes.fromhex(vs[2:])}
                for item, (r, vs) in zip(batch.items, batch.signatures, strict=True)
            ]
        else:
            argument["items"] = batch.items
        if batch.funding == STAKE:
            argument["work_at"] = batch.work_at
        return str(self._payment.encode_abi(FUNCTIONS[batch.funding], args=[argument]))

    def moves(self, router_id: int, batch: BatchRecord, settler: str) -> int:
        """Return the wei that a batch would move if its router's settler sent it now.

        Raises:
            Conflict: the contract would refuse it; the reason is its own.
            Unavailable: the node does not answer.
        """
        call: Any = {"from": settler, "to": self.address, "data": self.data(router_id, batch)}
        with node_errors("call"):
            return int.from_bytes(self._web3.eth.call(call), "big")

    def skipped(self, receipt: Any) -> list[SkipRecord]:
        """Return the totals that a mined settlement passed over, from its transaction receipt."""
        found = []
        for address, event in self._skips:
            for entry in _of(address, event, receipt):
                args = entry["args"]
                session = f"0x{args['session']:040x}"
                found.append(SkipRecord(session, args["cumulative"], args["reason"]))
        return found

    def bucket(self, receipt: Any) -> int | None:
        """Return the bucket in which a mined settlement's money is pending; None if none moved."""
        for name in SETTLED:
            for entry in _of(self._payment.address, self._payment.events[name](), receipt):
                return int(entry["args"]["bucket"])
        return None

    def pending(self, router_id: int, version: int, bucket: int) -> int:
        """Return the wei in a bucket that is not released."""
        with node_errors("pending"):
            return int(self._payment.functions.pending(router_id, version, bucket).call())

    def total_pending(self, router_id: int) -> int:
        """Return the wei of a router that is settled and not released."""
        with node_errors("router"):
            _, pending = self._payment.functions.router(router_id).call()
        return int(pending)

    def matures_at(self, bucket: int) -> int:
        """Return from when on a bucket can be released, in unix seconds."""
        functions = self._payment.functions
        with node_errors("windows"):
            seconds = int(functions.BUCKET_SECONDS().call())
            challenge = int(functions.CHALLENGE_WINDOW_SECONDS().call())
        return (bucket + 1) * seconds + challenge

    def release_data(self, router_id: int, version: int, bucket: int) -> str:
        """Return the calldata of `release`."""
        return str(self._payment.encode_abi("release", args=[router_id, version, bucket]))


def _of(address: str, event: Any, receipt: Any) -> list[Any]:
    logs = [log for log in receipt["logs"] if log["address"].lower() == address.lower()]
    return list(event.process_receipt({"logs": logs}, errors=DISCARD))
