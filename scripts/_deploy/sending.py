# SPDX-License-Identifier: Apache-2.0
"""One transaction at a time, exactly once: written down before it is sent, until recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth_utils import keccak
from web3 import Web3
from web3.exceptions import (
    ContractLogicError,
    TimeExhausted,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)

from cortensor.errors import Conflict, Unavailable
from scripts._deploy.records import Record, Store
from scripts._deploy.signing import Signer

RECEIPT_TIMEOUT_SECONDS = 180
POLL_SECONDS = 0.1

Report = Callable[[str], None]


class Sender:
    """Sends transactions and waits for their receipts.

    Args:
        web3: the connected node.
        store: where a transaction is remembered while it is under way.
        report: takes one line of progress.
    """

    def __init__(self, web3: Web3, store: Store, report: Report) -> None:
        self._web3 = web3
        self._store = store
        self._report = report

    def send(
        self, purpose: Record, signer: Signer, to: str | None, data: bytes, *, value: int = 0
    ) -> Record:
        """Send a transaction; return what is known of it, with its receipt under `receipt`.

        It stays in `pending.json` until `Store.clear_pending`, which the caller does once the
        outcome is recorded.

        Args:
            purpose: kept beside it, for the run that may have to take over.
            signer: who sends it.
            to: the contract, or None to create one.
            data: calldata or creation code.
            value: wei of the chain's own coin.

        Raises:
            Conflict: if it reverts.
            Unavailable: if the node does not answer or no receipt comes.
        """
        try:
            transaction = self._fill(signer.address, to, data, value)
        except ContractLogicError as error:
            raise Conflict(f"would revert: {error.message}", field=purpose["step"]) from error
        except Web3RPCError as error:
            raise Conflict(f"is refused by the node: {error}", field=purpose["step"]) from error
        raw = signer.sign(transaction)
        entry = {
            **purpose,
            "tx_hash": "0x" + keccak(raw).hex(),
            "sender": signer.address,
            "nonce": transaction["nonce"],
            "chain_id": transaction["chainId"],
            "raw": "0x" + raw.hex(),
        }
        self._store.save_pending(entry)
        self._broadcast(entry)
        return self._await(entry)

    def resume(self) -> Record | None:
        """Finish what a killed run sent; return it with its receipt, or None if there is nothing.

        A transaction the node never saw is sent again with the same bytes; one whose nonce was
        used by another is dropped, since it can never be mined.

        Raises:
            Conflict: if it belongs to another chain.
        """
        entry = self._store.pending()
        if entry is None:
            return None
        chain_id = self._web3.eth.chain_id
        if entry["chain_id"] != chain_id:
            raise Conflict(
                f"waits for chain {entry['chain_id']}, but the node is on {chain_id}",
                field="pending.json",
            )
        if self._receipt(entry) is None:
            if self._web3.eth.get_transaction_count(entry["sender"]) > entry["nonce"]:
                self._report(f"drop    {entry['step']}: nonce {entry['nonce']} was used by another")
                self._store.clear_pending()
                return None
            self._report(f"resume  {entry['step']}: {entry['tx_hash']}")
            if not self._is_known(entry):
                self._broadcast(entry)
        return self._await(entry)

    def _fill(self, sender: str, to: str | None, data: bytes, value: int) -> dict[str, Any]:
        eth = self._web3.eth
        transaction: dict[str, Any] = {"from": sender, "data": "0x" + data.hex(), "value": value}
        if to is not None:
            transaction["to"] = to
        # A quarter more than estimated: on Arbitrum the estimate holds the posting cost of this
        # moment, which moves until the transaction is mined.
        gas = eth.estimate_gas(transaction) * 5 // 4  # type: ignore[arg-type]
        transaction |= {"gas": gas, "nonce": eth.get_transaction_count(sender, "pending")}
        transaction["chainId"] = eth.chain_id
        base_fee = eth.get_block("latest").get("baseFeePerGas")
        if base_fee is None:
            transaction["gasPrice"] = eth.gas_price
        else:
            tip = self._tip()
            transaction |= {"type": 2, "maxFeePerGas": 2 * base_fee + tip}
            transaction["maxPriorityFeePerGas"] = tip
        del transaction["from"]
        return transaction

    def _tip(self) -> int:
        try:
            return self._web3.eth.max_priority_fee
        except Web3Exception:
            return 0  # a node without the method has no market for tips

    def _broadcast(self, entry: Record) -> None:
        try:
            self._web3.eth.send_raw_transaction(entry["raw"])
        except Web3RPCError as error:
            # The node may have had it already, which is no failure.
            if not self._is_known(entry):
                self._store.clear_pending()
                raise Conflict(f"is refused by the node: {error}", field=entry["step"]) from error

    def _is_known(self, entry: Record) -> bool:
        try:
            self._web3.eth.get_transaction(entry["tx_hash"])
        except TransactionNotFound:
            return False
        return True

    def _receipt(self, entry: Record) -> Any:
        try:
            return self._web3.eth.get_transaction_receipt(entry["tx_hash"])
        except TransactionNotFound:
            return None

    def _await(self, entry: Record) -> Record:
        try:
            receipt = self._web3.eth.wait_for_transaction_receipt(
                entry["tx_hash"], timeout=RECEIPT_TIMEOUT_SECONDS, poll_latency=POLL_SECONDS
            )
        except TimeExhausted as error:
            raise Unavailable(
                f"no receipt of {entry['tx_hash']} yet; run again to go on waiting",
                field=entry["step"],
            ) from error
        if receipt["status"] != 1:
            self._store.clear_pending()
            raise Conflict(f"reverted in {entry['tx_hash']}", field=entry["step"])
        return {**entry, "receipt": receipt}
