# SPDX-License-Identifier: Apache-2.0
"""A mining node whose escrow has buckets, a cover, and logs that a test sets."""

from __future__ import annotations

from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak

from cortensor.chain.book import AddressBook
from cortensor.chain.rpc import load_abi
from cortensor.chain.settler import Settler
from cortensor.store.store import Store
from tests.python.chain.fake_chain import FakeChain
from tests.python.router.fake_node import ANCHOR, PAYMENT, TABLE, functions
from tests.python.router.harness import SIGNER_KEY

POOL, QUOTA = "0x" + "44" * 20, "0x" + "55" * 20
BOOK = AddressBook.of(PAYMENT, TABLE, ANCHOR, stake_pool=POOL, stake_quota=QUOTA)
BUCKET_S, CHALLENGE_S, SETTLE_S = 100, 1000, 50
EXCEEDS = "router: pending exceeds bond"


class SettlingChain(FakeChain):
    """A chain whose escrow has buckets, a cover, and logs that a test sets.

    Attributes:
        logs: (address, event, indexed values, other values) of every receipt from now on.
        extra: further fields of every receipt from now on.
        buckets: pending wei by (version, bucket).
        frozen: wei of it that a release leaves there.
        cover: of the router's bond.
        needs: wei that the next settlement adds to what is pending.
        now: the chain's time.
        moves: wei that a settlement would move, asked by a call.
        refusals: by function, the reason for which an estimate or call of it is refused.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._abis[POOL] = functions("StakePool")
        self.logs: list[tuple[str, str, list[int], list[Any]]] = []
        self.extra: dict[str, Any] = {}
        self.buckets: dict[tuple[int, int], int] = {}
        self.frozen: dict[tuple[int, int], int] = {}
        self.cover = 10**30
        self.needs = 0
        self.now = 1
        self.moves = 0
        self.refusals: dict[str, str] = {}

    def _values(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        answers: dict[str, Any] = {
            "BUCKET_SECONDS": lambda: BUCKET_S,
            "CHALLENGE_WINDOW_SECONDS": lambda: CHALLENGE_S,
            "pending": lambda: self.buckets.get(values[1:], 0),
            "cover": lambda: self.cover,
            "SETTLE_WINDOW_SECONDS": lambda: SETTLE_S,
        }
        if name.startswith("settle"):
            return [self.moves]
        if name == "router":
            return [self.settler, sum(self.buckets.values())]
        return [answers[name]()] if name in answers else super()._values(name, values)

    def _eth_getBlockByNumber(self, *args: Any) -> dict[str, Any]:  # noqa: N802 -- the RPC's name
        return {**super()._eth_getBlockByNumber(*args), "timestamp": hex(self.now)}

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] in ("eth_estimateGas", "eth_call"):
            reason = self._refused(call["params"][0], call["method"])
            if reason is not None:
                data = "0x08c379a0" + encode(["string"], [reason]).hex()
                error = {"code": 3, "message": f"execution reverted: {reason}", "data": data}
                return {"jsonrpc": "2.0", "id": call["id"], "error": error}
        return super().answer(call)

    def _refused(self, call: dict[str, Any], method: str) -> str | None:
        name = call_name(bytes.fromhex((call.get("data") or call["input"])[2:]))
        if name in self.refusals:
            return self.refusals[name]
        is_settling = name.startswith("settle") and method == "eth_estimateGas"
        exceeds = sum(self.buckets.values()) + self.needs > self.cover
        return EXCEEDS if is_settling and exceeds else None

    def _eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802 -- the RPC's name
        tx_hash = super()._eth_sendRawTransaction(raw)
        if tx_hash in self.mined and self.status:
            data = bytes(self.mined[tx_hash]["data"])
            if call_name(data) == "release":
                _, version, bucket = decode(["uint256"] * 3, data[4:])
                place = version, bucket
                self.buckets[place] = self.frozen.get(place, 0)
        return tx_hash

    def _eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:  # noqa: N802 -- the RPC's name
        receipt = super()._eth_getTransactionReceipt(tx_hash)
        if receipt is None:
            return None
        logs = [log_of(*log) for log in self.logs]
        return {**receipt, "logs": logs, **self.extra}


def settler(chain: SettlingChain, store: Store, key: str = SIGNER_KEY) -> Settler:
    return Settler(
        rpc_url=chain.url,
        book=BOOK,
        key=key,
        router_id=1,
        store=store,
        uri_base=None,
        timeout_s=0.4,
    )


def sent_call(chain: SettlingChain) -> tuple[str, Any]:
    """The name and argument of the last call that was mined."""
    data = bytes(list(chain.mined.values())[-1]["data"])
    name, inputs, _ = functions("SessionPayment")[data[:4].hex()]
    return name, decode(inputs, data[4:])[0]


def calls(chain: SettlingChain) -> list[str]:
    """The names of the calls of the escrow that were mined."""
    return [call_name(bytes(each["data"])) for each in chain.mined.values()]


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
