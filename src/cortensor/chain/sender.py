# SPDX-License-Identifier: Apache-2.0
"""Signs, broadcasts and waits for the settler's transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from msgspec import Struct
from web3.exceptions import TimeExhausted, TransactionNotFound, Web3Exception, Web3RPCError

from cortensor.chain.rpc import node_errors, why_failed
from cortensor.errors import Unavailable
from cortensor.store.records import CostRecord

if TYPE_CHECKING:
    from web3 import Web3

GAS_HEADROOM_PERCENT = 20
FEE_FACTOR = 2  # of the base fee: it may double before the transaction is stuck
REPLACEMENT_PERCENT = 13  # nodes want at least 10 more for the same nonce
POLL_S = 0.1
KNOWN = ("already known", "already imported", "known transaction")
NONCE_USED = ("nonce too low", "nonce is too low", "old nonce")
OUTBID = "underpriced"  # for a transaction of the same nonce that the node holds
MOST_FEE_FACTOR = 32  # of what is asked now: what is not mined for that has another fault


class Outbid(Unavailable):
    """The node holds another transaction of the same nonce that pays as much or more."""

    default_code = "replacement_underpriced"


class SignedTransaction(Struct, frozen=True):
    """Bytes to broadcast; `max_fee` is wei a gas."""

    tx_hash: str
    nonce: int
    raw: bytes
    max_fee: int


class Mined(Struct, frozen=True):
    """A mined transaction; `gas_price` is wei a gas, `receipt` the node's own object."""

    tx_hash: str
    block: int
    is_success: bool
    gas_used: int
    gas_price: int
    receipt: Any
    block_hash: str

    @property
    def cost(self) -> CostRecord:
        """What it cost."""
        # The gas a rollup took for its data; web3 leaves fields it does not know as hex.
        given = self.receipt.get("gasUsedForL1")
        return CostRecord(
            tx_hash=self.tx_hash,
            block=self.block,
            is_success=self.is_success,
            gas_used=self.gas_used,
            gas_price=self.gas_price,
            l1_gas=int(given, 16) if isinstance(given, str) else given,
        )


class Sender:
    """Sends from one key.

    Args:
        web3: the node.
        key: 0x-hex private key.
    """

    def __init__(self, web3: Web3, key: str) -> None:
        self._web3 = web3
        self._account = Account.from_key(key)
        self.address = str(self._account.address)

    def nonce(self, block: str) -> int:
        """Return the account's nonce at `latest` or `pending`."""
        with node_errors("nonce"):
            return int(self._web3.eth.get_transaction_count(self._account.address, block))  # type: ignore[arg-type]  # either tag

    def place(self, nonce: int | None) -> int:
        """Return the nonce to send with.

        Args:
            nonce: of a signed transaction that is not mined, which is kept while it serves; None
                for none.

        Returns:
            That nonce; the next free one if another transaction took it; the first that is missing
            if one below it is, since a node mines nothing beyond a gap.
        """
        latest = self.nonce("latest")
        free = max(latest, self.nonce("pending"))
        return nonce if nonce is not None and latest <= nonce <= free else free

    def is_next(self, nonce: int) -> bool:
        """Return whether nothing is to be mined before a nonce of ours."""
        return self.nonce("latest") == nonce

    def block_number(self) -> int:
        """Return the latest block's number."""
        with node_errors("block number"):
            return int(self._web3.eth.block_number)

    def base_fee(self) -> int:
        """Return the latest block's base fee in wei a gas."""
        with node_errors("base fee"):
            return int(self._web3.eth.get_block("latest").get("baseFeePerGas", 0))

    def time_of(self, block: int | None = None) -> int:
        """Return a block's time in unix seconds; by default the latest block's."""
        with node_errors("block"):
            found = self._web3.eth.get_block("latest" if block is None else block)
            return int(found["timestamp"])

    def fee_of(self, to: str, data: str) -> int:
        """Return the most wei a call would cost now, gas headroom and fee cap included.

        Raises:
            Conflict: the contract would refuse; the reason is its own.
            Unavailable: the node does not answer.
        """
        gas, tip, _ = self._estimate(to, data)
        return _with_headroom(gas) * (FEE_FACTOR * self.base_fee() + tip)

    def _estimate(self, to: str, data: str) -> tuple[int, int, int]:
        """Return gas, tip in wei a gas, and the chain's id."""
        call: Any = {"from": self.address, "to": to, "data": data}
        with node_errors("estimate"):
            gas = int(self._web3.eth.estimate_gas(call))
            tip = int(self._web3.eth.max_priority_fee)
            return gas, tip, int(self._web3.eth.chain_id)

    def sign(
        self,
        to: str,
        data: str,
        nonce: int,
        replaced: bytes | None = None,
        more_percent: int = REPLACEMENT_PERCENT,
    ) -> SignedTransaction:
        """Sign a call after estimating it, which refuses what would revert.

        Args:
            to: the contract.
            data: calldata.
            nonce: to use.
            replaced: a transaction of the same nonce that this one replaces.
            more_percent: how much more than that one it pays, fee cap and tip.

        Raises:
            Conflict: the contract would refuse; the reason is its own.
            Unavailable: the node does not answer, or the price would be out of all proportion
                (`fee_too_high`).
        """
        gas, tip, chain_id = self._estimate(to, data)
        fee = asked = FEE_FACTOR * self.base_fee() + tip
        if replaced is not None:
            old_fee, old_tip = _prices(replaced)
            fee = max(fee, old_fee * (100 + more_percent) // 100 + 1)
            tip = max(tip, old_tip * (100 + more_percent) // 100 + 1)
            if fee > MOST_FEE_FACTOR * asked:
                raise Unavailable(
                    f"nonce {nonce} is stuck, and {fee} wei a gas to replace it is"
                    f" {MOST_FEE_FACTOR} times what is asked now",
                    code="fee_too_high",
                )
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": chain_id,
                "nonce": nonce,
                "to": to,
                "value": 0,
                "data": data,
                "gas": _with_headroom(gas),
                "maxFeePerGas": fee,
                "maxPriorityFeePerGas": min(tip, fee),
            }
        )
        raw = bytes(signed.raw_transaction)
        return SignedTransaction("0x" + bytes(signed.hash).hex(), nonce, raw, fee)

    def broadcast(self, raw: bytes) -> bool:
        """Hand signed bytes to the node.

        Returns:
            False if the nonce is used: by these very bytes, or by another transaction.

        Raises:
            Outbid: the node holds another transaction of this nonce; one that pays more replaces
                it.
            Unavailable: the node refuses or cannot be reached; the same bytes may be sent again.
        """
        try:
            self._web3.eth.send_raw_transaction(raw)
        except (Web3RPCError, ValueError) as error:
            text = str(error).lower()
            if any(word in text for word in KNOWN):
                return True
            if any(word in text for word in NONCE_USED):
                return False
            if OUTBID in text:
                raise Outbid("another transaction of this nonce pays as much") from error
            raise Unavailable(
                f"the node refused the transaction: {str(error)[:200]}", code="chain_unavailable"
            ) from error
        except (Web3Exception, requests.RequestException, OSError) as error:
            raise Unavailable(
                f"broadcast: {why_failed(error)}", code="chain_unavailable"
            ) from error
        return True

    def mined(self, tx_hash: str) -> Mined | None:
        """Return a transaction's result, or None if it is not mined."""
        with node_errors("transaction receipt"):
            try:
                receipt = self._web3.eth.get_transaction_receipt(tx_hash)  # type: ignore[arg-type]  # hex is accepted
            except TransactionNotFound:
                return None
        return _mined(receipt)

    def wait(self, tx_hash: str, timeout_s: float) -> Mined:
        """Wait until a transaction is mined.

        Raises:
            Unavailable: not in time; it may still be mined later.
        """
        with node_errors("transaction receipt"):
            try:
                receipt = self._web3.eth.wait_for_transaction_receipt(
                    tx_hash,  # type: ignore[arg-type]  # hex is accepted
                    timeout=timeout_s,
                    poll_latency=POLL_S,
                )
            except TimeExhausted as error:
                raise Unavailable(
                    f"{tx_hash} was not mined in {timeout_s:.0f} s; settle again to resume",
                    code="settlement_pending",
                ) from error
        return _mined(receipt)


def _prices(raw: bytes) -> tuple[int, int]:
    """Return fee cap and tip of a signed transaction, wei a gas."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return int(fields["maxFeePerGas"]), int(fields["maxPriorityFeePerGas"])


def _with_headroom(gas: int) -> int:
    return gas + gas * GAS_HEADROOM_PERCENT // 100


def _mined(receipt: Any) -> Mined:
    return Mined(
        tx_hash="0x" + bytes(receipt["transactionHash"]).hex(),
        block=int(receipt["blockNumber"]),
        is_success=receipt["status"] == 1,
        gas_used=int(receipt["gasUsed"]),
        gas_price=int(receipt.get("effectiveGasPrice", 0)),
        receipt=receipt,
        block_hash="0x" + bytes(receipt["blockHash"]).hex(),
    )
