# SPDX-License-Identifier: Apache-2.0
"""Answers the demands made on one's own router, from its ledger, and says when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.dispute import AnchoredLeaf
from cortensor.chain.session_payment import FUNDING_STAKE, NOBODY
from cortensor.errors import Error, NotFound
from cortensor.watch.leaves import tree_of
from cortensor.watch.own_ledger import request_signature
from cortensor.watch.report import ActionReport, session_name
from cortensor.watch.requested import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.chain.courier import Courier
    from cortensor.chain.dispute import Dispute
    from cortensor.chain.observer import Observer
    from cortensor.watch.acting import Actor
    from cortensor.watch.own_ledger import OwnLeaf, OwnLedger
    from cortensor.watch.records import DemandRow
    from cortensor.watch.state import State

ROUTER_SHIFT = 128


class Answerer:
    """Answers for one router.

    Args:
        observer: the chain.
        dispute: the dispute contract.
        state: what is remembered.
        ledger: the router's.
        courier: sends; None only reports.
        actor: closes what is over.
    """

    def __init__(
        self,
        observer: Observer,
        dispute: Dispute,
        state: State,
        ledger: OwnLedger,
        courier: Courier | None,
        actor: Actor,
    ) -> None:
        self._observer = observer
        self._dispute = dispute
        self._state = state
        self._ledger = ledger
        self._courier = courier
        self._actor = actor
        self._terms = dispute.terms()
        self._windows = observer.payment.windows()
        self.alarms: list[str] = []

    def answer(self, now: int, *, is_dry: bool) -> Iterator[ActionReport]:
        """Answer what can be answered, and close what was answered and held.

        Args:
            now: the latest block's time.
            is_dry: only report.

        Yields:
            What was done. `alarms` has what needs a person: money is lost if nobody acts.
        """
        for demand in self._state.cases.demands():
            if not self._ledger.is_own(demand.session):
                continue
            if demand.challengeable_until:
                # The deposit is the router's then, and what was frozen is free.
                if now > demand.challengeable_until:
                    yield self._actor.close(demand)
                continue
            about = session_name(demand.session), demand.index
            if now > demand.answer_by:
                self._alarm(demand, "was not answered in time")
                continue
            try:
                yield self._answer(demand, is_dry=is_dry)
            except Error as error:
                self._alarm(demand, f"cannot be answered: {error}")
                yield ActionReport("answer", *about, "failed", str(error))

        yield from self._thaw(now)

    def _thaw(self, now: int) -> Iterator[ActionReport]:
        """Let go what demands keep longer than any that was made in time could take."""
        asked: dict[int, bool] = {}
        for demand in self._state.cases.demands():
            is_answered = demand.challengeable_until != 0
            asked[demand.session] = asked.get(demand.session, True) and is_answered
        windows, rounds = self._windows, 2 * (self._terms.answer + self._terms.grace)
        for session, is_answered in sorted(asked.items()):
            # What is not answered yet is, in a later pass, or it is an alarm.
            if not is_answered or not self._ledger.is_own(session):
                continue
            lapsed = [
                claim.bucket
                for claim in self._dispute.claims(session)
                if claim.held
                and now >= (claim.bucket + 1) * windows.bucket + windows.challenge + rounds
            ]
            if lapsed:
                yield self._actor.thaw(session, max(lapsed))

    def _alarm(self, demand: DemandRow, what: str) -> None:
        self.alarms.append(
            f"the demand of session {session_name(demand.session)} index {demand.index}, to be "
            f"answered by unix time {demand.answer_by}, {what}"
        )

    def _answer(self, demand: DemandRow, *, is_dry: bool) -> ActionReport:
        about = session_name(demand.session), demand.index
        data = self.calldata(demand)
        if self._courier is None or is_dry:
            self._alarm(demand, "can be answered, but was not: no key, or a dry run")
            return ActionReport("answer", *about, "no_key" if self._courier is None else "dry_run")
        place = demand.session, demand.index, demand.settled, demand.answer_by
        key = "answer:{:040x}:{}:{:024x}:{}".format(*place)
        delivery = self._courier.deliver(key, self._dispute.address, data)
        is_answered = delivery.state == "mined" or delivery.reason == "dispute: already answered"
        if not is_answered:
            self._alarm(demand, f"is not answered yet: {delivery.state} {delivery.reason}".rstrip())
        return ActionReport("answer", *about, delivery.state, delivery.reason, delivery.tx_hash)

    def calldata(self, demand: DemandRow) -> str:
        """Return the calldata that answers a demand.

        Raises:
            NotFound: the ledger lacks what it takes, or the batch is anchored by nobody known.
        """
        facts = self._observer.session(demand.session)
        leaf, shown = self._find(demand, is_stake=facts.funding == FUNDING_STAKE)
        requested = UNREADABLE  # nobody looks at it where there is no key
        if facts.session_key != NOBODY:
            found = request_signature(leaf.authorization)
            if found is None:
                raise NotFound(
                    "the session has a key, and its signature on the request is not stored",
                    code="unknown_request_signature",
                )
            requested = found
        return self._dispute.answer_data(
            demand.session,
            demand.index,
            demand.settled,
            shown,
            leaf.signature,
            requested.max_charge,
            requested.signature,
        )

    def _find(self, demand: DemandRow, *, is_stake: bool) -> tuple[OwnLeaf, AnchoredLeaf]:
        """Return a leaf that answers a demand, and how it is anchored.

        What was anchored after the demand does not count: it was not behind the total.
        """
        found = self._ledger.find(demand.session, demand.index, demand.settled, is_stake=is_stake)
        if not found:
            raise NotFound("the ledger has no such leaf", code="unknown_leaf")
        demanded_at = demand.answer_by - self._terms.answer
        router = demand.session >> ROUTER_SHIFT
        # A root is public: an old key can anchor it, too, where it does not count.
        last = {
            settler: min(demanded_at, self._observer.settles_until(router, settler))
            for settler in sorted(self._state.settlers().get(router, ()))
        }
        for leaf in found:
            for settler, until in last.items():
                if 0 < self._observer.anchored_at(settler, leaf.root) <= until:
                    return leaf, self._anchored(leaf, settler)
        roots = ", ".join(dict.fromkeys(leaf.root for leaf in found))
        raise NotFound(f"no settler anchored {roots} before it", code="unknown_batch")

    def _anchored(self, leaf: OwnLeaf, settler: str) -> AnchoredLeaf:
        hashes = self._ledger.hashes(leaf.root)
        return AnchoredLeaf(
            receipt=leaf.receipt,
            index=leaf.index,
            cumulative=leaf.cumulative,
            anchorer=settler,
            root=bytes.fromhex(leaf.root.removeprefix("0x")),
            proof=tree_of(hashes).proof(hashes.index(leaf.hashed)),
        )
