# SPDX-License-Identifier: Apache-2.0
"""What counts of an epoch's batches: receipts of its time that are free, or paid for.

A router signs what it likes under a root that moves a wei. So under a root no more counts than it
moved, and no receipt that charges less than its card says: work that nobody paid for costs its
full price, however it is spread over receipts, sessions, roots and epochs.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cortensor.errors import InvalidInput
from cortensor.pricing import Terms, Usage, quote
from cortensor.pricing.quota import MICRO_WEI
from cortensor.receipts.checks import PROVEN
from cortensor.receipts.tiers import is_free
from cortensor.receipts.verify_chain import CLOCK_SLACK_SECONDS
from cortensor.receipts.verify_money import check_terms, check_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol

    from cortensor.chain.observed import Settlement, SurchargeEpoch
    from cortensor.pricing import RateCard
    from cortensor.receipts.body import Body

    class Prices(Protocol):
        """Published prices, which never change; see `Observer`."""

        def card(self, version: int) -> RateCard:
            """Return a rate card."""

        def surcharge(self, epoch: int) -> SurchargeEpoch | None:
            """Return a surcharge epoch, or None if it was never posted."""

        def newest_epoch(self) -> int:
            """Return the surcharge epoch in effect."""


MAX_AGE_SECONDS = 30 * 86_400
"""How old a receipt may be when the epoch begins: the longest time after a session's end in which
any SessionPayment lets it be settled."""
_ROUTER_SHIFT = 128


class Paid:
    """Tells of the receipts of a batch which count.

    Args:
        settlements: those of the epoch's blocks.
        prices: by which receipts are priced.
        start: when the epoch begins, in unix seconds.
        end: when it ends.
    """

    def __init__(
        self, settlements: Iterable[Settlement], prices: Prices, start: int, end: int
    ) -> None:
        # An anchorer anchors a root once, so only one settlement can be of both.
        self._settlements = {(each.anchorer, each.root): each for each in settlements}
        self._prices, self._start, self._end = prices, start, end
        self._newest: int | None = None

    def of(
        self, anchorer: str, root: str, receipts: Mapping[str, Body]
    ) -> Iterator[tuple[str, Body]]:
        """Give (receipt id, body) of each that counts, in their order.

        Args:
            anchorer: whose batch it is, in lower case.
            root: the batch's.
            receipts: body by id of all that its router signed and did not end.

        Raises:
            Unavailable: the node.
        """
        timely = {each: body for each, body in receipts.items() if self._is_of_its_time(body)}
        settlement = self._settlements.get((anchorer, root))
        priced = {
            each: body
            for each, body in timely.items()
            if settlement is not None and self._is_priced(body, settlement)
        }
        sessions = set() if settlement is None else _covered(settlement, priced.values())
        for each, body in timely.items():
            if is_free(body.policy.tier) or (each in priced and body.session() in sessions):
                yield each, body

    def _is_of_its_time(self, body: Body) -> bool:
        earliest = self._start - MAX_AGE_SECONDS
        return earliest <= body.issued_at < self._end + CLOCK_SLACK_SECONDS

    def _is_priced(self, body: Body, settlement: Settlement) -> bool:
        """Return whether a receipt charges what its card says of the replicas' work, or more."""
        bill = body.bill
        # Of the card that the batch was settled under, which was published by then.
        if is_free(body.policy.tier) or bill.version != settlement.version:
            return False
        surcharge = self._surcharge(bill.surcharge_epoch)
        # What is posted after the epoch is not looked at: it must not matter who looks when.
        if surcharge is None or surcharge.posted_at > min(body.issued_at, self._end - 1):
            return False
        card = self._prices.card(bill.version)
        try:
            terms, usage = Terms.unpack(int(bill.terms, 16)), Usage.unpack(int(bill.usage, 16))
            price = quote(card, surcharge.bps, terms, usage).total
            checks = (check_terms(body), check_usage(body))
        except InvalidInput:
            return False
        return int(bill.charge) >= price and all(check.status == PROVEN for check in checks)

    def _surcharge(self, epoch: int) -> SurchargeEpoch | None:
        # The node is not asked for each epoch that a receipt makes up.
        if self._newest is None:
            self._newest = self._prices.newest_epoch()
        return self._prices.surcharge(epoch) if epoch <= self._newest else None


def _covered(settlement: Settlement, bodies: Iterable[Body]) -> set[int]:
    """Return the sessions whose receipts are paid for by what a batch moved.

    Events tell what a batch moved in all, and of each session only its total so far. So sessions
    are taken in the batch's order, each if what it charged is covered by what is left.
    """
    charged: Counter[int] = Counter()
    for body in bodies:
        charged[body.session()] += int(body.bill.charge)
    grain = MICRO_WEI if settlement.is_stake else 1
    left, covered = settlement.total, set()
    for session in _moved(settlement, charged):
        # Stake moves in whole micro-COR, by its total rounded up: less than one of them less.
        due = charged[session] // grain * grain
        if due <= left:
            left -= due
            covered.add(session)
    return covered


def _moved(settlement: Settlement, charged: Iterable[int]) -> list[int]:
    """Return the sessions that a batch may have moved: those it named and did not pass over."""
    if settlement.sessions is None:
        return sorted(each for each in charged if each >> _ROUTER_SHIFT == settlement.router_id)
    skipped = Counter(settlement.skipped)
    return list(Counter(settlement.sessions) - skipped)
