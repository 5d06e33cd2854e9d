# SPDX-License-Identifier: Apache-2.0
"""A mining node whose escrow has buckets, a cover, and logs that a test sets."""

from __future__ import annotations

from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak

from cortensor.chain.book import AddressBook
from cortensor.chain.rpc import load_abi
from tests.python.chain.fake_chain import FakeChain
from tests.python.router.fake_node import ANCHOR, PAYMENT, TABLE, functions

POOL, QUOTA = "0x" + "44" * 20, "0x" + "55" * 20
BOOK = AddressBook.of(PAYMENT, TABLE, ANCHOR, stake_pool=POOL, stake_quota=QUOTA)
BUCKET_S, CHALLENGE_S = 100, 1000
EXCEEDS = "router: pending exceeds bond"


class SettlingChain(FakeChain):
    """A chain whose escrow has buckets, a cover, and logs that a test sets.

    Attributes:
        logs: (address, event, indexed values, other values) of every receipt from now on.
        extra: further fields of every receipt from now on.
        buckets: pending wei by (version, bucket).
        cover: of the router's bond.
        needs: wei that the next settlement adds to what is pending.
        now: the chain's time.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._abis[POOL] = functions("StakePool")
        self.logs: list[tuple[str, str, list[int], list[Any]]] = []
        self.extra: dict[str, Any] = {}
        self.buckets: dict[tuple[int, int], int] = {}
        self.cover = 10**30
        self.needs = 0
        self.now = 1

    def _values(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        answers: dict[str, Any] = {
            "BUCKET_SECONDS": lambda: BUCKET_S,
            "CHALLENGE_WINDOW_SECONDS": lambda: CHALLENGE_S,
            "pending": lambda: self.buckets.get(values[1:], 0),
            "cover": lambda: self.cover,
        }
        if name == "router":
            return [self.settler, sum(self.buckets.values())]
        return [answers[name]()] if name in answers else super()._values(name, values)

    def _eth_getBlockByNumber(self, *args: Any) -> dict[str, Any]:  # noqa: N802 -- the RPC's name
        return {**super()._eth_getBlockByNumber(*args), "timestamp": hex(self.now)}

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_estimateGas" and self._exceeds(call["params"][0]["data"]):
            data = "0x08c379a0" + encode(["string"], [EXCEEDS]).hex()
            error = {"code": 3, "message": f"execution reverted: {EXCEEDS}", "data": data}
            return {"jsonrpc": "2.0", "id": call["id"], "error": error}
        return super().answer(call)

    def _exceeds(self, data: str) -> bool:
        is_settling = call_name(bytes.fromhex(data[2:])).startswith("settle")
        return is_settling and sum(self.buckets.values()) + self.needs > self.cover

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802 -- the RPC's name
        tx_hash = super()._eth_sendRawTransaction(raw)
        if tx_hash in self.mined:
            data = bytes(self.mined[tx_hash]["data"])
            if call_name(data) == "release":
                _, version, bucket = decode(["uint256"] * 3, data[4:])
                del self.buckets[version, bucket]
        return tx_hash

    def _eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:  # noqa: N802 -- the RPC's name
        receipt = super()._eth_getTransactionReceipt(tx_hash)
        if receipt is None:
            return None
        logs = [log_of(*log) for log in self.logs]
        return {**receipt, "logs": logs, **self.extra}


def call_name(data: bytes) -> str:
    found = functions("SessionPayment").get(data[:4].hex())
    return found[0] if found else ""


def log_of(address: str, name: str, indexed: list[int], values: list[Any]) -> dict[str, Any]:
    contract = "StakeQuota" if address == QUOTA else "SessionPayment"
    event = next(e for e in load_abi(contract) if e["type"] == "event" and e["name"] == name)
    types = [part["type"] for part in event["inputs"]]
    plain = [part["type"] for part in event["inputs"] if not part["indexed"]]
    topics = [keccak(f"{name}({','.join(types)})".encode()).hex()]
    topics += [number.to_bytes(32, "big").hex() for number in indexed]
    return {
        "address": address,
        "topics": ["0x" + topic for topic in topics],
        "data": "0x" + encode(plain, values).hex(),
        "blockNumber": "0x1",
        "blockHash": "0x" + "00" * 32,
        "transactionHash": "0x" + "00" * 32,
        "transactionIndex": "0x0",
        "logIndex": "0x0",
        "removed": False,
    }
