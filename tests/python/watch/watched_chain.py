# SPDX-License-Identifier: Apache-2.0
"""A node with the money contracts as a watcher sees them: events, facts, and what it is sent."""

from __future__ import annotations

from typing import Any

from eth_abi import decode, encode
from eth_utils import keccak
from eth_utils.abi import collapse_if_tuple

from cortensor.chain.dispute import Dispute
from cortensor.chain.rpc import connect, contract, load_abi
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
BUCKET_SECONDS = 3600
CHALLENGE_SECONDS = 172_800
ANSWER_SECONDS = GRACE_SECONDS = 3600
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
        demands: (session, index, settled) -> the contract's Demand.
        anchored: when roots were anchored; second 1 by default.
        replaced: earlier settlers, with until when they were.
        claims: (bucket, claimable, held) by session.
        forked_at: blocks from here on have other hashes than before.
        keys: session keys.
    """

    def __init__(self) -> None:
        self.head = 10
        self.events: list[dict[str, Any]] = []
        self.settled: dict[int, int] = {}
        self.pins: dict[int, Pin] = dict(PINS)
        self.keys: dict[int, str] = {}
        self.demands: dict[tuple[int, int, int], tuple[Any, ...]] = {}
        self.anchored: dict[bytes, int] = {}
        self.replaced: dict[str, int] = {}
        self.claims: dict[int, list[tuple[int, int, int]]] = {}
        self.forked_at = 2**63
        self.fork = 0
        self.log_limit: int | None = None
        self.allowance = 0
        self.balance = 50 * COR
        self.refunded = 0
        self.dispute_address = DISPUTE
        self.account: tuple[Any, ...] = (0,) * 7 + (False, 0, 0, 0)
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
        moved = [max(0, total - self.settled.get(s, 0)) for s, total in named.items()]
        self.settled.update(named)
        self.emit(
            PAYMENT,
            "SessionPayment",
            "BatchSettled",
            block,
            router_id=ROUTERS,
            root=bytes.fromhex(root[2:]),
            version=3,
            bucket=(GENESIS + 10 * block) // BUCKET_SECONDS,
            total=sum(moved),
            items=[session << 96 | total for session, total in named.items()],
        )

    def enrol(self, session: int, block: int) -> None:
        self.emit(
            QUOTA,
            "StakeQuota",
            "Enrolled",
            block,
            session=session,
            payer=PAYER,
            bucket=0,
            is_weekly=False,
        )

    def settle_stake(self, root: str, block: int, to: str = PAYMENT, **totals: int) -> None:
        """Settle stake sessions; the event does not name them, the call of `to` may."""
        named = {int(name[1:]): total for name, total in totals.items()}
        self.settled.update(named)
        tx_hash = self.emit(
            PAYMENT,
            "SessionPayment",
            "StakeSettled",
            block,
            router_id=ROUTERS,
            root=bytes.fromhex(root[2:]),
            version=3,
            bucket=1,
            work_at=1,
            free_amount=1,
            overage_amount=0,
        )
        batch = {
            "router_id": ROUTERS,
            "version": 3,
            "work_at": 1,
            "root": bytes.fromhex(root[2:]),
            "count": 1,
            "uri": "",
            "items": [session << 96 | total for session, total in named.items()],
        }
        escrow = contract(connect(self.url), "SessionPayment", PAYMENT)
        data = escrow.encode_abi("settle_stake", args=[batch])
        self.inputs[tx_hash] = (to, bytes.fromhex(data[2:]))

    def demand(self, session: int, index: int, challenger: str, block: int, answer_by: int) -> None:
        self.demands[session, index, self.settled[session]] = (challenger, answer_by, 0)
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
        """Answer a demand of the present total by calldata."""
        tx_hash = self.emit(
            DISPUTE,
            "SettlementDispute",
            "Answered",
            block,
            session=session,
            index=index,
            settled=self.settled[session],
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

    def arguments(self, call: dict[str, Any]) -> tuple[Any, ...]:
        """Return the arguments of a transaction that called the dispute contract."""
        data = bytes(call["data"])
        found: tuple[Any, ...] = decode(self._abis[DISPUTE][data[:4].hex()][1], data[4:])
        return found

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
            "settles_until": lambda: [self._settles_until(values[1].lower())],
            "session": lambda: [self._session(values[0])],
            "surcharge_epoch": lambda: [max(EPOCHS)],
            "surcharge_bps": lambda: [EPOCHS[values[0]].bps],
            "surcharge_posted_at": lambda: [EPOCHS[values[0]].posted_at],
            "account": lambda: [self.account],
            "position": lambda: [(SETTLER, 100 * COR, 0, 0)],
            "PENALTY_WEI": lambda: [20 * COR],
            "DEPOSIT_WEI": lambda: [COR],
            "ANSWER_SECONDS": lambda: [ANSWER_SECONDS],
            "GRACE_SECONDS": lambda: [GRACE_SECONDS],
            "SETTLE_WINDOW_SECONDS": lambda: [CHALLENGE_SECONDS],
            "CHALLENGE_WINDOW_SECONDS": lambda: [CHALLENGE_SECONDS],
            "BUCKET_SECONDS": lambda: [BUCKET_SECONDS],
            "moves_digest": lambda: [0],  # all is released
            "claims": lambda: [self.claims.get(values[0], [])],
            "demand_of": lambda: [self.demands.get(values, (NOBODY, 0, 0))],
            "refunded": lambda: [self.refunded],
            "balanceOf": lambda: [self.balance],
            "allowance": lambda: [self.allowance],
            "batch": lambda: [self._anchored_at(*values), 1, 1],
        }
        if name in answers:
            return list(answers[name]())
        return super()._values(name, values)

    def _settles_until(self, account: str) -> int:
        return 2**256 - 1 if account == SETTLER else self.replaced.get(account, 0)

    def _anchored_at(self, anchorer: str, root: bytes) -> int:
        known = anchorer.lower() in (SETTLER, *self.replaced)
        return self.anchored.get(root, 1) if known else 0

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
