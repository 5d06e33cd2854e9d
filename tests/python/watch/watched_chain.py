# SPDX-License-Identifier: Apache-2.0
"""A node with the money contracts as a watcher sees them: events, facts, and what it is sent."""

from __future__ import annotations

from typing import Any

from eth_abi import encode
from eth_utils import keccak
from eth_utils.abi import collapse_if_tuple

from cortensor.chain.dispute import Dispute
from cortensor.chain.rpc import connect, load_abi
from cortensor.watch.price import Pin
from tests.python.chain.fake_chain import FakeChain
from tests.python.router.fake_node import ANCHOR, CHAIN_ID, PAYMENT, TABLE
from tests.python.watch.making import CARD, EPOCHS, PINS, SETTLER

POOL = "0x" + "44" * 20
QUOTA = "0x" + "55" * 20
DISPUTE = "0x" + "66" * 20
TOKEN = "0x" + "77" * 20
NOBODY = "0x" + "00" * 20
PAYER = "0x" + "aa" * 20
ROUTERS = 7
GENESIS = 1_900_000_000
COR = 10**18

_ERC20 = {
    keccak(b"balanceOf(address)")[:4].hex(): ("balanceOf", ["address"], ["uint256"]),
    keccak(b"allowance(address,address)")[:4].hex(): (
        "allowance",
        ["address", "address"],
        ["uint256"],
    ),
}


def _functions(name: str) -> dict[str, tuple[str, list[str], list[str]]]:
    """Return (name, input types, output types) of a contract's functions by selector."""
    found = {}
    for entry in load_abi(name):
        if entry["type"] == "function":
            inputs = [collapse_if_tuple(part) for part in entry["inputs"]]
            outputs = [collapse_if_tuple(part) for part in entry["outputs"]]
            selector = keccak(f"{entry['name']}({','.join(inputs)})".encode())[:4].hex()
            found[selector] = (entry["name"], inputs, outputs)
    return found


def _hash(number: int, fork: int) -> str:
    return "0x" + keccak(b"block %d on fork %d" % (number, fork)).hex()


class WatchedChain(FakeChain):
    """A chain whose blocks a test fills with events.

    Attributes:
        head: the latest block.
        settled: wei on chain by session.
        pins: what sessions fixed.
        demands: (session, index) -> the contract's Demand.
        forked_at: blocks from here on have other hashes than before.
        keys: session keys.
    """

    def __init__(self) -> None:
        self.head = 10
        self.events: list[dict[str, Any]] = []
        self.settled: dict[int, int] = {}
        self.pins: dict[int, Pin] = dict(PINS)
        self.keys: dict[int, str] = {}
        self.demands: dict[tuple[int, int], tuple[Any, ...]] = {}
        self.forked_at = 2**63
        self.fork = 0
        self.log_limit: int | None = None
        self.allowance = 0
        self.dispute_address = DISPUTE
        self.account = (0,) * 7 + (False, 0, 0, 0)
        self.inputs: dict[str, tuple[str, bytes]] = {}
        super().__init__(CARD, SETTLER)
        for address, name in ((POOL, "StakePool"), (QUOTA, "StakeQuota")):
            self._abis[address] = _functions(name)
        self._abis[DISPUTE] = _functions("SettlementDispute")
        self._abis[TOKEN] = dict(_ERC20)
        self.client = Dispute(connect(self.url), DISPUTE)

    def emit(self, address: str, contract: str, name: str, block: int, **values: Any) -> str:
        """Put an event into a block. Returns its transaction's hash."""
        entry = next(e for e in load_abi(contract) if e.get("name") == name)
        types = [part["type"] for part in entry["inputs"]]
        topics = ["0x" + keccak(f"{name}({','.join(types)})".encode()).hex()]
        plain_types, plain = [], []
        for part in entry["inputs"]:
            value = values[part["name"]]
            if part["indexed"]:
                topics.append("0x" + encode([part["type"]], [value]).hex())
            else:
                plain_types.append(part["type"])
                plain.append(value)
        tx_hash = "0x" + keccak(b"tx %d" % len(self.events)).hex()
        self.events.append(
            {
                "address": address,
                "topics": topics,
                "data": "0x" + encode(plain_types, plain).hex(),
                "blockNumber": hex(block),
                "transactionHash": tx_hash,
                "transactionIndex": "0x0",
                "blockHash": _hash(block, 0),
                "logIndex": hex(len(self.events)),
                "removed": False,
            }
        )
        self.head = max(self.head, block)
        return tx_hash

    def anchor(self, root: str, count: int, uri: str, block: int, anchorer: str = SETTLER) -> None:
        self.emit(
            ANCHOR,
            "ReceiptAnchor",
            "BatchAnchored",
            block,
            anchorer=anchorer,
            root=bytes.fromhex(root[2:]),
            head=bytes(32),
            count=count,
            uri=uri,
        )

    def settle(self, root: str, block: int, **totals: int) -> None:
        """Settle sessions, named `s<number>`, to totals."""
        named = {int(name[1:]): total for name, total in totals.items()}
        self.settled.update(named)
        self.emit(
            PAYMENT,
            "SessionPayment",
            "BatchSettled",
            block,
            router_id=ROUTERS,
            root=bytes.fromhex(root[2:]),
            version=3,
            bucket=1,
            total=1,
            items=[session << 96 | total for session, total in named.items()],
        )

    def demand(self, session: int, index: int, challenger: str, block: int, answer_by: int) -> None:
        self.demands[session, index] = (challenger, self.settled[session], 0, answer_by, 0)
        self.emit(
            DISPUTE,
            "SettlementDispute",
            "Demanded",
            block,
            session=session,
            index=index,
            challenger=challenger,
            settled=self.settled[session],
            answer_by=answer_by,
        )

    def show(self, session: int, index: int, hashed: bytes, data: str, block: int) -> None:
        """Answer a demand by calldata."""
        tx_hash = self.emit(
            DISPUTE,
            "SettlementDispute",
            "Answered",
            block,
            session=session,
            index=index,
            leaf=hashed,
            challengeable_until=GENESIS + 9000,
        )
        self.inputs[tx_hash] = (DISPUTE, bytes.fromhex(data[2:]))

    def sent_to(self, name: str) -> list[dict[str, Any]]:
        """Return the mined transactions that called a function of the dispute contract."""
        functions = self._abis[DISPUTE]
        return [
            fields
            for fields in self.mined.values()
            if "0x" + bytes(fields["to"]).hex() == DISPUTE
            and functions[bytes(fields["data"])[:4].hex()][0] == name
        ]

    # The node

    def _eth_blockNumber(self) -> str:  # noqa: N802 -- the RPC's name
        return hex(self.head)

    def _eth_getBlockByNumber(self, number: str, *_: Any) -> dict[str, Any] | None:  # noqa: N802 -- the RPC's name
        block = self.head if number == "latest" else int(number, 16)
        if block > self.head:
            return None
        return {
            "number": hex(block),
            "hash": _hash(block, self.fork if block >= self.forked_at else 0),
            "baseFeePerGas": hex(self.base_fee),
            "timestamp": hex(GENESIS + 10 * block),
        }

    def _eth_getLogs(self, query: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802 -- the RPC's name
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if self.log_limit is not None and last - first + 1 > self.log_limit:
            raise ValueError("query exceeds max block range")
        addresses = {address.lower() for address in query["address"]}
        return [
            entry
            for entry in self.events
            if first <= int(entry["blockNumber"], 16) <= last
            and entry["address"] in addresses
            and all(
                wanted is None
                or entry["topics"][place] in (wanted if isinstance(wanted, list) else [wanted])
                for place, wanted in enumerate(query["topics"])
            )
        ]

    def _eth_getTransactionByHash(self, tx_hash: str) -> dict[str, Any]:  # noqa: N802 -- the RPC's name
        to, data = self.inputs[tx_hash]
        return {"hash": tx_hash, "to": to, "input": "0x" + data.hex(), "from": PAYER}

    def _values(self, name: str, values: tuple[Any, ...]) -> list[Any]:
        answers: dict[str, Any] = {
            "POOL": lambda: [POOL],
            "QUOTA": lambda: [QUOTA],
            "TOKEN": lambda: [TOKEN],
            "dispute": lambda: [self.dispute_address],
            "router_count": lambda: [ROUTERS],
            "session": lambda: [self._session(values[0])],
            "surcharge_epoch": lambda: [max(EPOCHS)],
            "surcharge_bps": lambda: [EPOCHS[values[0]].bps],
            "surcharge_posted_at": lambda: [EPOCHS[values[0]].posted_at],
            "account": lambda: [self.account],
            "position": lambda: [(SETTLER, 100 * COR, 0, 0)],
            "PENALTY_WEI": lambda: [20 * COR],
            "DEPOSIT_WEI": lambda: [COR],
            "ANSWER_SECONDS": lambda: [3600],
            "GRACE_SECONDS": lambda: [3600],
            "demand_of": lambda: [self.demands.get(values, (NOBODY, 0, 0, 0, 0))],
            "balanceOf": lambda: [50 * COR],
            "allowance": lambda: [self.allowance],
            "batch": lambda: [int(values[0].lower() == SETTLER), 1, 1],
        }
        if name in answers:
            return list(answers[name]())
        return super()._values(name, values)

    def _session(self, session: int) -> tuple[Any, ...]:
        pin = self.pins.get(session)
        if pin is None:
            return (NOBODY, NOBODY, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return (
            PAYER,
            self.keys.get(session, NOBODY),
            1000 * COR,
            self.settled.get(session, 0),
            2**39,
            1,
            0 if pin.bucket is None else 2,
            pin.volume_tier,
            pin.version,
            pin.surcharge_cap_bps,
            pin.task_cap_gwei,
        )


__all__ = ["CHAIN_ID", "DISPUTE", "PAYMENT", "TABLE", "WatchedChain"]
