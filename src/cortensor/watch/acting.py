# SPDX-License-Identifier: Apache-2.0
"""What is done about findings: challenges, demands, and the end of demands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.dispute import AnchoredLeaf
from cortensor.errors import Conflict, Error, Unavailable
from cortensor.receipts.typed import ReceiptStruct
from cortensor.watch.checks import (
    CHARGE,
    DEMANDABLE,
    DUPLICATE,
    INDEX,
    NO_TOTAL,
    PROVABLE,
    SIGNED,
    TOTAL,
)
from cortensor.watch.leaves import tree_of
from cortensor.watch.report import ActionReport

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
PASSING = ("dispute: too little gas",)
"""Refusals that say nothing about the finding."""
WEI_PER_COIN = 10**18
ALL = 2**256 - 1


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
        self._token = token
        self._state = state
        self._cases = state.cases
        self._settings = settings
        self._courier = courier
        self._terms: DisputeTerms = dispute.terms()
        self._rewarded: set[int] = set()

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
            yield self._guarded(row)
        yield from self._demand([row for row in opened if row.kind in DEMANDABLE], now)
        for demand in self._cases.demands():
            if self._is_own(demand) and self._is_to_be_closed(demand, now):
                yield self.close(demand)

    def _is_to_be_closed(self, demand: DemandRow, now: int) -> bool:
        """Return whether closing it gives something back: the deposit at least."""
        if demand.challengeable_until == 0:
            return now > demand.answer_by
        # What was proven since, the demand may have shown: then the deposit is not the router's.
        return now > demand.challengeable_until and self._cases.is_proven(demand.session)

    # Challenges

    def _guarded(self, row: FindingRow) -> ActionReport:
        try:
            return self._challenge(row)
        except Error as error:
            action = "challenge_" + row.kind
            return ActionReport(action, _shown(row.session), row.index, "failed", str(error))

    def _challenge(self, row: FindingRow) -> ActionReport:
        action = "challenge_" + row.kind
        data = self.challenge_data(row)
        reward = self._reward(row.session)
        shown = str(reward)
        if self._courier is None or self._settings.is_dry:
            result = "no_key" if self._courier is None else "dry_run"
            return ActionReport(action, _shown(row.session), row.index, result, reward_wei=shown)
        fee: int | None = None
        if not self._cases.transactions(row.key):
            try:
                fee = self._courier.fee_of(self._dispute.address, data)
            except Conflict as error:
                self._refused(row, error.reason)
                return ActionReport(action, _shown(row.session), row.index, "refused", error.reason)
            price = self._settings.cor_wei_per_coin
            if price is not None and fee * price > reward * WEI_PER_COIN:
                return ActionReport(
                    action,
                    _shown(row.session),
                    row.index,
                    "unprofitable",
                    reward_wei=shown,
                    fee_wei=str(fee),
                )
        delivery = self._courier.deliver(row.key, self._dispute.address, data)
        if delivery.state == "mined":
            self._cases.finish(row.key, "done", f"proven in {delivery.tx_hash}")
            self._rewarded.add(row.session)
        elif delivery.state == "refused":
            self._refused(row, delivery.reason)
        paid = delivery.gas_used * delivery.gas_price
        return ActionReport(
            action,
            _shown(row.session),
            row.index,
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

    def _refused(self, row: FindingRow, reason: str) -> None:
        """Close a finding that the contract does not accept, unless it may yet."""
        if reason.startswith(("dispute:", "leaf:")) and reason not in PASSING:
            self._cases.finish(row.key, "closed", reason)

    # Demands

    def _demand(self, rows: list[FindingRow], now: int) -> Iterator[ActionReport]:
        due = [row for row in rows if now - row.seen_at >= self._settings.patience_s]
        room = self._settings.max_deposits - self._count_own()
        # What is most at stake first: a total has everything below it.
        for row in sorted(due, key=self._urgency):
            index = 0 if row.kind == NO_TOTAL else row.index
            if self._courier is None or self._settings.is_dry:
                result = "no_key" if self._courier is None else "dry_run"
                yield ActionReport("demand", _shown(row.session), index, result)
                continue
            if room <= 0 and not self._cases.transactions(_demand_key(row.session, index)):
                reason = f"{self._settings.max_deposits} deposits are at risk"
                yield ActionReport("demand", _shown(row.session), index, "no_room", reason)
                continue
            try:
                report = self._demand_one(row, index, self._courier)
            except Error as error:
                report = ActionReport("demand", _shown(row.session), index, "failed", str(error))
            if report.result in ("mined", "waiting"):
                room -= 1
            yield report

    def _urgency(self, row: FindingRow) -> tuple[bool, bool, int, str]:
        """Order what is under way first, then totals, which have everything below them."""
        is_new = not self._cases.transactions(_demand_key(row.session, row.index))
        return is_new, row.kind != NO_TOTAL, -row.excess, row.key

    def _count_own(self) -> int:
        """Return how many deposits are out, those of demands not confirmed yet included."""
        if self._courier is None:
            return 0
        seen = [demand for demand in self._cases.demands() if self._is_own(demand)]
        unseen = [
            place
            for place in self._cases.unseen_demands()
            if self._dispute.demand_of(*place).challenger.lower() == self._courier.address
        ]
        return len(seen) + len(unseen)

    def _demand_one(self, row: FindingRow, index: int, courier: Courier) -> ActionReport:
        key = _demand_key(row.session, index)
        if not self._cases.transactions(key):
            if self._dispute.demand_of(row.session, index).is_open:
                reason = "is demanded already"
                return ActionReport("demand", _shown(row.session), index, "refused", reason)
            self._allow(courier)
        data = self._dispute.demand_data(row.session, index)
        delivery = courier.deliver(key, self._dispute.address, data)
        if delivery.state == "mined":
            self._cases.finish(row.key, "done", f"demanded in {delivery.tx_hash}")
        elif delivery.state == "refused":
            self._refused(row, delivery.reason)
        return ActionReport(
            "demand", _shown(row.session), index, delivery.state, delivery.reason, delivery.tx_hash
        )

    def _allow(self, courier: Courier) -> None:
        """Let the dispute contract take deposits; it takes one from who demands, and no other."""
        deposit = self._terms.deposit
        spender = self._dispute.address
        if self._token.balance(courier.address) < deposit:
            raise Unavailable(
                f"{courier.address} has less COR than the deposit of {deposit} wei", code="no_cor"
            )
        if self._token.allowance(courier.address, spender) >= deposit:
            return
        data = self._token.approve_data(spender, ALL)
        delivery = courier.deliver(f"approve:{spender}", self._token.address, data)
        if delivery.state != "mined":
            raise Unavailable(f"allowing the deposit: {delivery.state}", code="no_allowance")

    def close(self, demand: DemandRow) -> ActionReport:
        """End a demand whose time is over."""
        about = _shown(demand.session), demand.index
        if self._courier is None or self._settings.is_dry:
            result = "no_key" if self._courier is None else "dry_run"
            return ActionReport("close_demand", *about, result)
        key = f"close:{demand.session:040x}:{demand.index}:{demand.answer_by}"
        data = self._dispute.close_demand_data(demand.session, demand.index)
        try:
            delivery = self._courier.deliver(key, self._dispute.address, data)
        except Error as error:
            return ActionReport("close_demand", *about, "failed", str(error))
        return ActionReport(
            "close_demand", *about, delivery.state, delivery.reason, delivery.tx_hash
        )

    def _is_own(self, demand: DemandRow) -> bool:
        return self._courier is not None and demand.challenger == self._courier.address


def _demand_key(session: int, index: int) -> str:
    return f"demand:{session:040x}:{index}"


def _shown(session: int) -> str:
    return f"0x{session:040x}"
