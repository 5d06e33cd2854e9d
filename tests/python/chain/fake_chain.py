# SPDX-License-Identifier: Apache-2.0
"""A node that mines: nonces, receipts, fees, and the faults a test asks for."""

from __future__ import annotations

from typing import Any

from eth_abi import encode
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils import keccak
from hexbytes import HexBytes

from tests.python.router.fake_node import FakeNode


class FakeChain(FakeNode):
    """Mines what it is sent, one block a transaction, unless told otherwise.

    Attributes:
        mined: calldata by transaction hash, in order.
        drop: accept the next transactions but never mine them.
        refuse: error text for the next broadcast, once.
        revert: reason for every gas estimate.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.nonces: dict[str, int] = {}
        self.mined: dict[str, dict[str, Any]] = {}
        self.sent: list[bytes] = []
        self.base_fee = 10
        self.drop = False
        self.refuse: str | None = None
        self.revert: str | None = None
        self.status = 1
        self.authorised = True

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        handler = getattr(self, "_" + call["method"], None)
        if handler is None:
            return super().answer(call)
        try:
            result = handler(*call["params"])
        except ValueError as error:
            message: dict[str, Any] = {"code": -32000, "message": str(error)}
            if self.revert is not None:
                data = "0x08c379a0" + encode(["string"], [self.revert]).hex()
                message = {"code": 3, "message": str(error), "data": data}
            return {"jsonrpc": "2.0", "id": call["id"], "error": message}
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}

    def _values(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        if name == "is_authorised":
            return [self.authorised]
        return super()._values(name, values)

    def _eth_estimateGas(self, *_: Any) -> str:  # noqa: N802 -- the RPC's name
        if self.revert is not None:
            raise ValueError(f"execution reverted: {self.revert}")
        return hex(50_000)

    def _eth_maxPriorityFeePerGas(self) -> str:  # noqa: N802 -- the RPC's name
        return "0x0"

    def _eth_getBlockByNumber(self, *_: Any) -> dict[str, Any]:  # noqa: N802 -- the RPC's name
        return {"number": "0x1", "baseFeePerGas": hex(self.base_fee), "timestamp": "0x1"}

    def _eth_getTransactionCount(self, address: str, _block: str) -> str:  # noqa: N802 -- the RPC's name
        return hex(self.nonces.get(address.lower(), 0))

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802 -- the RPC's name
        data = bytes.fromhex(raw[2:])
        self.sent.append(data)
        if self.refuse is not None:
            text, self.refuse = self.refuse, None
            raise ValueError(text)
        fields = TypedTransaction.from_bytes(HexBytes(data)).as_dict()
        sender = Account.recover_transaction(data).lower()
        tx_hash = "0x" + keccak(data).hex()
        if fields["nonce"] < self.nonces.get(sender, 0):
            raise ValueError("nonce too low")
        if not self.drop:
            self.nonces[sender] = fields["nonce"] + 1
            self.mined[tx_hash] = fields
            if self.status and bytes(fields["to"]).hex() == "33" * 20:
                self.authorised = True
        return tx_hash

    def _eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:  # noqa: N802 -- the RPC's name
        if tx_hash not in self.mined:
            return None
        block = 1 + list(self.mined).index(tx_hash)
        return {
            "transactionHash": tx_hash,
            "transactionIndex": "0x0",
            "blockHash": "0x" + "00" * 32,
            "blockNumber": hex(block),
            "from": self.settler,
            "to": None,
            "contractAddress": None,
            "cumulativeGasUsed": hex(40_000),
            "gasUsed": hex(40_000),
            "effectiveGasPrice": hex(self.base_fee),
            "logs": [],
            "logsBloom": "0x" + "00" * 256,
            "status": hex(self.status),
            "type": "0x2",
        }
