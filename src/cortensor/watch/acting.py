# SPDX-License-Identifier: Apache-2.0
"""What is done about findings: challenges, demands, and the end of demands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.dispute import AnchoredLeaf
from cortensor.errors import Conflict, Error
from cortensor.receipts.typed import ReceiptStruct
from cortensor.watch.asking import Asker
from cortensor.watch.checks import (
    CHARGE,
    DEMANDABLE,
    DUPLICATE,
    INDEX,
    PROVABLE,
    SIGNED,
    TOTAL,
)
from cortensor.watch.leaves import tree_of
from cortensor.watch.pending import Pending
from cortensor.watch.report import ActionReport, session_name
from cortensor.watch.showing import Showing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.chain.courier import Courier
    from cortensor.chain.dispute import Dispute, DisputeTerms
    from cortensor.chain.observer import Observer
    from cortensor.chain.token import Token
    from cortensor.watch.leaves import Leaf
    from cortensor.watch.records import DemandRow, FindingRow
    from cortensor.watch.settings import Settings
    from cortensor.watch.state import State

ROUTER_SHIFT = 128
MAX_CHALLENGES = 64
WEI_PER_COIN = 10**18


class Actor:
    """Acts on what is stored; each action goes on where a killed one stopped.

    Args:
        observer: the chain.
        dispute: the dispute contract.
        token: COR, for deposits.
        state: what is remembered.
        settings: how to watch.
        courier: sends; None without a key.
    """

    def __init__(
        self,
        observer: Observer,
        dispute: Dispute,
        token: Token,
        state: State,
        settings: Settings,
        courier: Courier | None,
    ) -> None:
        self._observer = observer
        self._dispute = dispute
        self._state = state
        self._cases = state.cases
        self._settings = settings
        self._courier = courier
        self._terms: DisputeTerms = dispute.terms()
        self._rewarded: set[int] = set()
        pending = Pending(observer, state)
        self._showing = Showing(dispute, pending, courier, is_dry=settings.is_dry)
        self._asker = Asker(observer, dispute, token, state, settings, self._showing, courier)

    def act(self, now: int) -> Iterator[ActionReport]:
        """Do what can be done about every open finding and own demand.

        Args:
            now: the latest block's time.

        Yields:
            What was done or left. Errors of the node are reported and do not stop the rest.
        """
        opened = self._cases.findings("open")
        # Those that earn the penalty first: the first proof of a session takes it.
        provable = [row for row in opened if row.kind in PROVABLE]
        for row in sorted(provable, key=lambda row: (-row.excess, row.key))[:MAX_CHALLENGES]:
            yield from self._guarded(row, now)
        yield from self._asker.ask([row for row in opened if row.kind in DEMANDABLE], now)
        for demand in self._cases.demands():
            if self._is_own(demand) and self._is_to_be_closed(demand, now):
                yield from self._close_own(demand, now)

    def _is_to_be_closed(self, demand: DemandRow, now: int) -> bool:
        """Return whether closing it gives something back: the deposit at least."""
        if demand.challengeable_until == 0:
            return now > demand.answer_by
        # What was proven since, the demand may have shown: then the deposit is not the router's.
        return now > demand.challengeable_until and self._cases.is_proven(demand.session)

    # Challenges

    def _guarded(self, row: FindingRow, now: int) -> Iterator[ActionReport]:
        try:
            yield from self._challenge(row, now)
        except Error as error:
            yield ActionReport(*_about(row), "failed", str(error))

    def _challenge(self, row: FindingRow, now: int) -> Iterator[ActionReport]:
        about, data = _about(row), self.challenge_data(row)
        reward = self._reward(row.session)
        shown = str(reward)
        if self._courier is None or self._settings.is_dry:
            yield from self._showing.send(self._showing.plan(row.session, row.excess, now))
            result = "no_key" if self._courier is None else "dry_run"
            yield ActionReport(*about, result, reward_wei=shown)
            return
        fee: int | None = None
        if not self._cases.transactions(row.key):
            try:
                fee = self._courier.fee_of(self._dispute.address, data)
            except Conflict as error:
                self._cases.refused(row.key, error.reason)
                yield ActionReport(*about, "refused", error.reason)
                return
            shows = self._showing.plan(row.session, row.excess, now)
            cost = fee + sum(show.fee for show in shows)
            price = self._settings.cor_wei_per_coin
            if price is not None and cost * price > reward * WEI_PER_COIN:
                yield ActionReport(*about, "unprofitable", reward_wei=shown, fee_wei=str(cost))
                return
            if not (yield from self._showing.send(shows)):
                return
        delivery = self._courier.deliver(row.key, self._dispute.address, data)
        if delivery.state == "mined":
            self._cases.finish(row.key, "done", f"proven in {delivery.tx_hash}")
            self._rewarded.add(row.session)
        elif delivery.state == "refused":
            self._cases.refused(row.key, delivery.reason)
        paid = delivery.gas_used * delivery.gas_price
        yield ActionReport(
            *about,
            delivery.state,
            delivery.reason,
            delivery.tx_hash,
            shown,
            str(paid) if paid else (None if fee is None else str(fee)),
        )

    def challenge_data(self, row: FindingRow) -> str:
        """Return the calldata of the challenge that proves a finding.

        Raises:
            Error: a leaf that it takes is no longer stored.
        """
        leaves = [self._anchored(*named) for named in row.leaves]
        first = leaves[0]
        if row.kind == CHARGE:
            return self._dispute.challenge_charge_data(first)
        if row.kind == SIGNED and row.signed is not None:
            struct, signature = row.signed
            return self._dispute.challenge_signed_data(
                first, ReceiptStruct.from_json(struct), bytes.fromhex(signature)
            )
        second = leaves[1]
        if row.kind == INDEX:
            return self._dispute.challenge_index_data(first, second)
        if row.kind == DUPLICATE:
            return self._dispute.challenge_duplicate_data(first, second)
        if row.kind == TOTAL:
            return self._dispute.challenge_total_data(first, second)
        raise Error(f"{row.kind} has no challenge", code="no_challenge")

    def _anchored(self, hashed: str, root: str, anchorer: str) -> AnchoredLeaf:
        leaf = self._state.leaf(hashed, root, anchorer)
        if leaf is None:
            raise Error(f"leaf {hashed} is not stored", code="unknown_leaf")
        return AnchoredLeaf(
            receipt=leaf.receipt,
            index=leaf.index,
            cumulative=leaf.cumulative,
            anchorer=anchorer,
            root=bytes.fromhex(root.removeprefix("0x")),
            proof=list(leaf.proof) if leaf.proof is not None else self._proof(leaf),
        )

    def _proof(self, leaf: Leaf) -> list[bytes]:
        hashes = self._state.hashes(leaf.root, leaf.anchorer)
        return tree_of(hashes).proof(hashes.index(leaf.hashed))

    def _reward(self, session: int) -> int:
        """Return what the next proof of a session earns: half of what the bond can pay."""
        if session in self._rewarded or self._cases.is_proven(session):
            return 0
        bond = self._observer.slashable(session >> ROUTER_SHIFT)
        return min(self._terms.penalty, bond) // 2

    # The end of demands

    def _close_own(self, demand: DemandRow, now: int) -> Iterator[ActionReport]:
        """End a demand; if nobody answered it, what was settled meanwhile pays for it, too."""
        if demand.challengeable_until == 0:
            shows = self._showing.plan(demand.session, demand.settled, now)
            if not (yield from self._showing.send(shows)):
                return
        yield self.close(demand)

    def close(self, demand: DemandRow) -> ActionReport:
        """End a demand whose time is over."""
        about = "close_demand", session_name(demand.session), demand.index
        if self._courier is None or self._settings.is_dry:
            return ActionReport(*about, "no_key" if self._courier is None else "dry_run")
        place = demand.session, demand.index, demand.settled
        key = "close:{:040x}:{}:{:024x}:{}".format(*place, demand.answer_by)
        data = self._dispute.close_demand_data(*place)
        try:
            delivery = self._courier.deliver(key, self._dispute.address, data)
        except Error as error:
            return ActionReport(*about, "failed", str(error))
        return ActionReport(*about, delivery.state, delivery.reason, delivery.tx_hash)

    def thaw(self, session: int, bucket: int) -> ActionReport:
        """Let go what was frozen too long of a session; `bucket` is the newest that is."""
        about = "thaw", session_name(session), 0
        if self._courier is None or self._settings.is_dry:
            return ActionReport(*about, "no_key" if self._courier is None else "dry_run")
        key, data = f"thaw:{session:040x}:{bucket}", self._dispute.thaw_data(session)
        try:
            delivery = self._courier.deliver(key, self._dispute.address, data)
        except Error as error:
            return ActionReport(*about, "failed", str(error))
        return ActionReport(*about, delivery.state, delivery.reason, delivery.tx_hash)

    def _is_own(self, demand: DemandRow) -> bool:
        return self._courier is not None and demand.challenger == self._courier.address


def _about(row: FindingRow) -> tuple[str, str, int]:
    """Return how a report begins that is about a finding's challenge."""
    return "challenge_" + row.kind, session_name(row.session), row.index
