# SPDX-License-Identifier: Apache-2.0
"""Demands: which leaves are asked for, in what order, and with how many deposits at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.session_payment import FUNDING_STAKE
from cortensor.errors import Error, Unavailable
from cortensor.watch.checks import MISSING, NO_TOTAL, SPOT_CHECK
from cortensor.watch.coverage import settled_as
from cortensor.watch.report import ActionReport, session_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.chain.courier import Courier
    from cortensor.chain.dispute import Dispute, DisputeTerms
    from cortensor.chain.observer import Observer
    from cortensor.chain.session_payment import PaymentSession
    from cortensor.chain.token import Token
    from cortensor.watch.records import FindingRow
    from cortensor.watch.settings import Settings
    from cortensor.watch.showing import Showing
    from cortensor.watch.state import State

DAY_SECONDS = 86_400
ALL = 2**256 - 1


class Asker:
    """Demands what is hidden, and what is chosen for a spot check.

    Args:
        observer: the chain.
        dispute: the dispute contract.
        token: COR, for deposits.
        state: what is remembered.
        settings: how to watch.
        showing: shows what a demand is to freeze.
        courier: sends; None without a key.
    """

    def __init__(
        self,
        observer: Observer,
        dispute: Dispute,
        token: Token,
        state: State,
        settings: Settings,
        showing: Showing,
        courier: Courier | None,
    ) -> None:
        self._observer = observer
        self._dispute = dispute
        self._token = token
        self._state = state
        self._cases = state.cases
        self._settings = settings
        self._showing = showing
        self._courier = courier
        self._terms: DisputeTerms = dispute.terms()
        self._read: dict[int, tuple[PaymentSession, int]] = {}

    def ask(self, rows: list[FindingRow], now: int) -> Iterator[ActionReport]:
        """Demand what is due.

        Args:
            rows: open findings of kinds that can be demanded.
            now: the latest block's time.

        Yields:
            What was done or left. An error about one stops none of the others.
        """
        due = [row for row in rows if self._is_due(row, now)]
        room, spot_checks = self._room(now)
        self._read.clear()
        for row in sorted(due, key=self._urgency):
            reason = ""
            if not self._cases.transactions(_action(row)):
                if room <= 0:
                    reason = f"{self._settings.max_deposits} deposits are at risk"
                if row.kind == SPOT_CHECK and spot_checks <= 0:
                    reason = "the day's budget for spot checks is spent"
            try:
                for report in self._ask(row, reason, now):
                    if report.action == "demand" and report.result in ("mined", "waiting"):
                        room -= 1
                        spot_checks -= row.kind == SPOT_CHECK
                    yield report
            except Error as error:
                yield _report(row, "failed", str(error))

    def _is_due(self, row: FindingRow, now: int) -> bool:
        """Return whether a leaf was waited for long enough.

        Below a total that an answer has shown, no longer than half of that answer's grace: with it
        the time for demands may end, and a half of it is as much as a sequencer can delay.
        """
        if now - row.seen_at >= self._settings.patience_s:
            return True
        until = self._cases.answered_until(row.session) if row.kind == MISSING else 0
        return now <= until and until - now <= self._terms.grace // 2

    def _urgency(self, row: FindingRow) -> tuple[bool, int, int, int, str]:
        """Order what is under way first, then what is most at stake.

        A total has everything below it; a spot check is a mere question. Of missing leaves the
        highest comes first, since it is the one that the leaf above it is checked by.
        """
        is_new = not self._cases.transactions(_action(row))
        rank = {NO_TOTAL: 0, SPOT_CHECK: 2}.get(row.kind, 1)
        return is_new, rank, -row.excess, -row.index, row.key

    def _room(self, now: int) -> tuple[int, int]:
        """Return how many more demands may be made, and how many of them as spot checks.

        Demands that were sent and are not confirmed yet count as well.
        """
        if self._courier is None:
            return 0, 0
        own = self._courier.address
        seen = [demand for demand in self._cases.demands() if demand.challenger == own]
        unseen = [place for place in self._cases.unseen_demands() if self._is_made_by(own, *place)]
        today = self._cases.count_spot_checks(own, now - DAY_SECONDS + self._terms.answer)
        today += sum(self._cases.is_spot_check(*place) for place in unseen)
        affordable = self._settings.spot_check_budget_wei // self._terms.deposit
        return self._settings.max_deposits - len(seen) - len(unseen), affordable - today

    def _is_made_by(self, account: str, session: int, index: int) -> bool:
        settled = self._observer.session(session).settled
        made = self._dispute.demand_of(session, index, settled)
        return made.challenger.lower() == account

    def _ask(self, row: FindingRow, no_room: str, now: int) -> Iterator[ActionReport]:
        facts, left = self._stands(row.session)
        if not self._is_settled(row, facts):
            return  # there is nothing to give back yet, and nothing to answer with
        action, index = _action(row), _index(row)
        is_new = not self._cases.transactions(action)
        if is_new and facts.settled and left <= 0:
            self._cases.finish(row.key, "closed", "refunded")
            return
        if self._courier is None or self._settings.is_dry:
            yield from self._showing.send(self._showing.plan(row.session, left, now))
            yield _report(row, "no_key" if self._courier is None else "dry_run", row.detail)
            return
        if no_room:
            yield _report(row, "no_room", no_room)
            return
        if is_new:
            if self._dispute.demand_of(row.session, index, facts.settled).is_open:
                yield _report(row, "refused", "is demanded already")
                return
            self._allow(self._courier)
            # It freezes what is shown. Until it is closed, days may pass: all else is released by
            # then, and the bond may be spent on others.
            shows = self._showing.plan(row.session, left, now)
            if not (yield from self._showing.send(shows)):
                return
        data = self._dispute.demand_data(row.session, index)
        delivery = self._courier.deliver(action, self._dispute.address, data)
        if delivery.state == "mined":
            self._cases.finish(row.key, "done", f"demanded in {delivery.tx_hash}")
        elif delivery.state == "refused":
            self._cases.refused(row.key, delivery.reason)
        yield _report(row, delivery.state, delivery.reason, delivery.tx_hash)

    def _stands(self, session: int) -> tuple[PaymentSession, int]:
        """Return a session, and the wei that are settled of it and not refunded; once a pass."""
        if session not in self._read:
            facts = self._observer.session(session)
            left = facts.settled - self._dispute.refunded(session)
            self._read[session] = facts, left
        return self._read[session]

    def _is_settled(self, row: FindingRow, facts: PaymentSession) -> bool:
        """Return whether a leaf that would be demanded is at or below the settled total."""
        leaf = self._state.leaf(*row.leaves[0]) if row.leaves else None
        if leaf is None:
            return True
        is_stake = facts.funding == FUNDING_STAKE
        return settled_as(leaf.cumulative, is_stake=is_stake) <= facts.settled

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


def _index(row: FindingRow) -> int:
    """Return the index that is demanded; 0 for the leaf of the settled total."""
    return 0 if row.kind == NO_TOTAL else row.index


def _action(row: FindingRow) -> str:
    """Return the name of a demand's transaction: a leaf is demanded once, and so is each total."""
    total = row.excess if row.kind == NO_TOTAL else 0
    return f"demand:{row.session:040x}:{_index(row)}:{total:024x}"


def _report(
    row: FindingRow, result: str, reason: str = "", tx_hash: str | None = None
) -> ActionReport:
    return ActionReport("demand", session_name(row.session), _index(row), result, reason, tx_hash)
