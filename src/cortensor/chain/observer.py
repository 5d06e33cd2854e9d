# SPDX-License-Identifier: Apache-2.0
"""The chain as a watcher sees it: what happened, and the facts that charges are judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from cortensor.chain.anchor import Anchor
from cortensor.chain.book import ANCHOR, SESSION_PAYMENT, STAKE_QUOTA
from cortensor.chain.calldata import named, read_call
from cortensor.chain.dispute import CONTRACT as DISPUTE
from cortensor.chain.dispute import Dispute
from cortensor.chain.logs import EventSource
from cortensor.chain.observed import (
    Answered,
    BatchAnchored,
    DemandClosed,
    Demanded,
    Enrolled,
    FraudProven,
    Head,
    MovedBatch,
    Seen,
    Settlement,
    SettlerChanged,
    SettlerSet,
    SurchargeEpoch,
)
from cortensor.chain.pending_moves import split_item
from cortensor.chain.pool import Pool
from cortensor.chain.quota import Quota
from cortensor.chain.rpc import chain_of, connect, contract, node_errors
from cortensor.chain.session_payment import NOBODY, SessionPayment
from cortensor.chain.table import PriceTable
from cortensor.errors import VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.chain.session_payment import PaymentSession
    from cortensor.pricing import RateCard

SETTLED_BY_ITEMS = ("BatchSettled", "VouchersSettled")
SETTLEMENTS = (*SETTLED_BY_ITEMS, "StakeSettled")
SKIPPED, DRAW_SKIPPED = "SettlementSkipped", "DrawSkipped"
STAKE_BATCH = ("router_id", "version", "work_at", "root", "count", "uri", "items")
"""Fields of the contract's `StakeBatch`, in its order."""
DISPUTES = ("Demanded", "Answered", "DemandClosed", "FraudProven")


class Watched(Struct, frozen=True):
    """Which chain and contracts are watched; `dispute` is None before there is one."""

    chain_id: int
    session_payment: str
    anchor: str
    dispute: str | None


class Observer:
    """Reads through one node; every other contract is the one that SessionPayment names.

    Args:
        rpc_url: an http(s) JSON-RPC endpoint, or several of one chain.
        session_payment: the escrow to watch.
        chain_id: the chain it must be on; None for any.

    Raises:
        Conflict: the node is on another chain (`wrong_chain`).
        NotFound: no such contract at the address.
        Unavailable: the node.
    """

    def __init__(
        self, rpc_url: str | Sequence[str], session_payment: str, chain_id: int | None = None
    ) -> None:
        self.web3 = connect(rpc_url, chain_id)
        self.payment = SessionPayment(self.web3, session_payment)
        found = chain_of(self.web3, chain_id)
        table, anchor = self.payment.linked()
        named = self.payment.dispute()
        self.watched = Watched(
            found, self.payment.address, anchor, None if named == NOBODY else named
        )
        self._table = PriceTable(self.web3, table)
        self.anchor = Anchor(self.web3, anchor)
        quota = self.payment.quota()
        self._quota = Quota(self.web3, quota)
        self._pool = Pool(self.web3, self.payment.pool())
        self._escrow = contract(self.web3, SESSION_PAYMENT, session_payment)
        wanted: list[tuple[Any, tuple[str, ...]]] = [
            (self._escrow, (*SETTLEMENTS, SKIPPED, "RouterSet")),
            (contract(self.web3, ANCHOR, anchor), ("BatchAnchored",)),
            (contract(self.web3, STAKE_QUOTA, quota), ("Enrolled", DRAW_SKIPPED)),
        ]
        self.dispute: Dispute | None = None
        if self.watched.dispute is not None:
            self.dispute = Dispute(self.web3, self.watched.dispute)
            wanted.append((contract(self.web3, DISPUTE, self.watched.dispute), DISPUTES))
        self._events = EventSource(self.web3, wanted)
        self._settler_events = EventSource(self.web3, [(self._escrow, ("RouterSet",))])
        self._cards: dict[int, RateCard] = {}
        self._epochs: dict[int, SurchargeEpoch] = {}

    def head(self, number: int | None = None) -> Head:
        """Return a block, by default the latest."""
        with node_errors("block"):
            block = self.web3.eth.get_block("latest" if number is None else number)
        return Head(
            int(block["number"]), "0x" + bytes(block["hash"]).hex(), int(block["timestamp"])
        )

    def seen(self, first: int, last: int) -> Seen:
        """Return what happened in blocks `first` to `last`, both included."""
        seen = Seen()
        skipped: list[tuple[int, int]] = []
        anchorer = ""
        for event in self._events.between(first, last):
            name = event["event"]
            if name in {SKIPPED, DRAW_SKIPPED}:
                skipped.append((event["args"]["session"], event["args"]["cumulative"]))
            elif name in SETTLEMENTS:
                seen.settlements.append(self._settlement(event, anchorer, skipped))
                if name in SETTLED_BY_ITEMS:
                    seen.moved.append(_moved(event, skipped))
            else:
                _sort(seen, event)
            if name == "BatchAnchored":
                # A settlement anchors, passes items over, and says what it moved: what was passed
                # over before belongs to a batch that moved nothing.
                skipped, anchorer = [], event["args"]["anchorer"].lower()
        return seen

    def _settlement(
        self, event: Any, anchorer: str, skipped: Sequence[tuple[int, int]]
    ) -> Settlement:
        args, root = event["args"], "0x" + bytes(event["args"]["root"]).hex()
        is_stake = event["event"] not in SETTLED_BY_ITEMS
        if not is_stake:
            items: Sequence[int] | None = args["items"]
            total = args["total"]
        else:
            total = args["free_amount"] + args["overage_amount"]
            # This event leaves the items out, for gas.
            items = self._stake_items("0x" + bytes(event["transactionHash"]).hex(), root)
        sessions = None if items is None else [split_item(item)[0] for item in items]
        return Settlement(
            router_id=args["router_id"],
            root=root,
            sessions=sessions,
            block=int(event["blockNumber"]),
            anchorer=anchorer,
            version=args["version"],
            total=total,
            skipped=[session for session, _ in skipped],
            is_stake=is_stake,
        )

    def _stake_items(self, tx_hash: str, root: str) -> Sequence[int] | None:
        """Return what a router's own call of `settle_stake` named; None for any other call."""
        to, data = self.input_of(tx_hash)
        if to != self.payment.address.lower():
            return None
        try:
            batch = named(read_call(self._escrow, "settle_stake", data)["batch"], STAKE_BATCH)
        except VerificationFailed:
            return None
        if "0x" + bytes(batch["root"]).hex() != root:
            return None
        items: Sequence[int] = batch["items"]
        return items

    def settlers(self) -> list[SettlerSet]:
        """Return the present settler of every router."""
        routers = range(1, self.payment.router_count() + 1)
        return [SettlerSet(i, self.payment.router(i).settler.lower()) for i in routers]

    def settler_changes(self, first: int, last: int) -> list[SettlerChanged]:
        """Return who became a router's settler in blocks `first` to `last`, oldest first."""
        return [
            SettlerChanged(
                event["args"]["router_id"],
                event["args"]["new_settler"].lower(),
                int(event["blockNumber"]),
            )
            for event in self._settler_events.between(first, last)
        ]

    def settles_until(self, router_id: int, account: str) -> int:
        """Return until when an account settled for a router; see `SessionPayment`."""
        return self.payment.settles_until(router_id, account)

    def anchored_at(self, anchorer: str, root: str) -> int:
        """Return when a root was anchored, in unix seconds; 0 if it never was."""
        return self.anchor.batch(anchorer, root).anchored_at

    def session(self, session: int, block: int | None = None) -> PaymentSession:
        """Return a session, now or as of a recent block."""
        return self.payment.facts(session, block)

    def bucket(self, session: int) -> int | None:
        """Return the profile that a stake session was enrolled for; None if it was not yet."""
        account = self._quota.account(session)
        return account.bucket if account.window else None

    def slashable(self, router_id: int) -> int:
        """Return the wei of a router's bond that can still be taken."""
        return self._pool.bond(router_id).slashable

    def card(self, version: int) -> RateCard:
        """Return a rate card; published cards never change, so each is read once."""
        if version not in self._cards:
            self._cards[version] = self._table.card(version)
        return self._cards[version]

    def surcharge(self, epoch: int) -> SurchargeEpoch | None:
        """Return a surcharge epoch, or None if it was never posted; each is read once."""
        if epoch not in self._epochs:
            if epoch > self._table.surcharge_epoch():
                return None
            self._epochs[epoch] = SurchargeEpoch(
                self._table.surcharge_bps(epoch), self._table.surcharge_posted_at(epoch)
            )
        return self._epochs[epoch]

    def newest_epoch(self) -> int:
        """Return the surcharge epoch in effect."""
        return self._table.surcharge_epoch()

    def input_of(self, tx_hash: str) -> tuple[str, bytes]:
        """Return whom a transaction called, and its calldata."""
        with node_errors("transaction"):
            found = self.web3.eth.get_transaction(tx_hash)  # type: ignore[arg-type]  # hex is accepted
        return str(found.get("to") or NOBODY).lower(), bytes(found["input"])


def _moved(event: Any, skipped: list[tuple[int, int]]) -> MovedBatch:
    args = event["args"]
    return MovedBatch(
        router_id=args["router_id"],
        version=args["version"],
        bucket=args["bucket"],
        total=args["total"],
        items=list(args["items"]),
        skipped=list(skipped),
        block=int(event["blockNumber"]),
        log_index=int(event["logIndex"]),
    )


def _sort(seen: Seen, event: Any) -> None:
    name, args, block = event["event"], event["args"], int(event["blockNumber"])
    if name == "RouterSet":
        seen.settlers.append(SettlerSet(args["router_id"], args["new_settler"].lower()))
    elif name == "BatchAnchored":
        root = "0x" + bytes(args["root"]).hex()
        anchorer = args["anchorer"].lower()
        seen.anchored.append(BatchAnchored(anchorer, root, args["count"], args["uri"], block))
    elif name == "Enrolled":
        seen.enrolled.append(Enrolled(args["session"], block))
    elif name == "Demanded":
        seen.disputes.append(
            Demanded(
                session=args["session"],
                index=args["index"],
                challenger=args["challenger"].lower(),
                settled=args["settled"],
                answer_by=args["answer_by"],
                block=block,
            )
        )
    elif name == "Answered":
        seen.disputes.append(
            Answered(
                session=args["session"],
                index=args["index"],
                settled=args["settled"],
                leaf="0x" + bytes(args["leaf"]).hex(),
                challengeable_until=args["challengeable_until"],
                tx_hash="0x" + bytes(event["transactionHash"]).hex(),
                block=block,
            )
        )
    elif name == "DemandClosed":
        seen.disputes.append(
            DemandClosed(
                session=args["session"],
                index=args["index"],
                settled=args["settled"],
                is_answered=bool(args["is_answered"]),
                block=block,
            )
        )
    elif name == "FraudProven":
        challenger = args["challenger"].lower()
        seen.disputes.append(
            FraudProven(args["session"], args["index"], challenger, args["kind"], block)
        )
