# SPDX-License-Identifier: Apache-2.0
"""The escrow as docs/spec/session-payment.md and receipt-anchor.md state it, in plain Python.

What a router's bond covers comes from a `cover` function; stake sessions are the quota model's.

No packed words, no storage, no token: numbers in dictionaries. Written from the pages, so that a
step of the contract can be compared with what the pages promise, refusals and their reasons
included.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.model.anchor_model import AnchorModel
from tests.model.moves_model import MovesModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NODES, VALIDATORS, TREASURY = range(3)
ESCROW, VOUCHER, STAKE = range(3)
MOST_WEI = 2**96 - 1


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the model, no fault in it
    """The step is refused; the message is the contract's reason."""


@dataclass(frozen=True)
class Session:
    """A payment session; `state` is "open", "closing" or "closed"."""

    payer: str
    router: int
    deposit: int
    expiry: int
    version: int
    volume_tier: int
    funding: int = 0
    key: str | None = None
    settled: int = 0
    state: str = "open"


@dataclass(frozen=True)
class Card:
    """What the escrow needs of a rate card: when it takes effect, and its shares in bps."""

    effective_at: int
    node_bps: int
    validator_bps: int


@dataclass
class PaymentModel:
    """Everything that the escrow knows. Steps return what the contract returns."""

    settle_window: int
    challenge_window: int
    bucket_seconds: int
    now: int
    settlers: dict[int, str]
    anchor: AnchorModel
    cards: list[Card]
    cover: Callable[[int], int]
    draw: Callable[[int, int, Sequence[tuple[int, int]]], tuple[int, int]]
    restore: Callable[[int, int], None]
    adopted: int = 1
    opening_paused: bool = False
    settle_paused: bool = False
    sessions: dict[int, Session] = field(default_factory=dict)
    buckets: dict[tuple[int, int, int], int] = field(default_factory=dict)
    moves: MovesModel = field(default_factory=MovesModel)
    holds: dict[tuple[int, int, int], int] = field(default_factory=dict)
    left: set[tuple[int, int, int]] = field(default_factory=set)
    pots: list[int] = field(default_factory=lambda: [0, 0, 0])
    paid: list[int] = field(default_factory=lambda: [0, 0, 0])
    spent: dict[str, int] = field(default_factory=dict)
    unasked: int = 0
    skipped: list[tuple[int, int, str]] = field(default_factory=list)

    # Sums that the invariants speak of.

    def left_in_sessions(self) -> int:
        """Return what all sessions have left."""
        return sum(session.deposit - session.settled for session in self.sessions.values())

    def pending_of(self, router: int) -> int:
        """Return a router's pending total: without what a release left frozen."""
        return sum(
            wei for slot, wei in self.buckets.items() if slot[0] == router and slot not in self.left
        )

    def balance(self) -> int:
        """Return the tokens that the escrow must hold (INV-P1, with what came unasked)."""
        pending = sum(self.buckets.values())
        return self.left_in_sessions() + pending + sum(self.pots) + self.unasked

    def card_in_effect(self) -> int:
        """Return the version of the newest card in effect."""
        return max(
            version for version, card in enumerate(self.cards, 1) if card.effective_at <= self.now
        )

    # Payers.

    def open(self, key: int, session: Session, sponsor: str | None = None) -> int:
        """Open a session under its id; a sponsor pays the deposit if there is one."""
        if self.opening_paused:
            raise Refused("session: opening paused")
        self._check_funding(session)
        if session.volume_tier > 3:
            raise Refused("session: unknown volume tier")
        if session.expiry <= self.now:
            raise Refused("session: expiry has passed")
        if session.router not in self.settlers:
            raise Refused("session: unknown router")
        # The adopted card, or the one in effect, which is thereby adopted.
        if session.version not in (self.adopted, self.card_in_effect()):
            raise Refused("session: card not in effect")
        if key in self.sessions:
            raise Refused("session: exists")
        self.adopted = session.version
        self.sessions[key] = session
        self._spend(sponsor or session.payer, session.deposit)
        return key

    def _check_funding(self, session: Session) -> None:
        if session.funding not in (ESCROW, VOUCHER, STAKE):
            raise Refused("session: unknown funding")
        if session.funding == STAKE and session.deposit != 0:
            raise Refused("session: stake takes no deposit")
        if session.funding != STAKE and session.deposit == 0:
            raise Refused("session: zero amount")
        if session.funding == VOUCHER and session.key is None:
            raise Refused("session: vouchers need a key")

    def top_up(self, key: int, amount: int, sender: str) -> None:
        """Add to a deposit."""
        if amount == 0:
            raise Refused("session: zero amount")
        session = self.sessions.get(key)
        if session is None:
            raise Refused("session: unknown")
        if session.state != "open":
            raise Refused("session: not open")
        if session.funding == STAKE:
            raise Refused("session: paid by stake")
        if session.expiry <= self.now:
            raise Refused("session: expired")
        self.sessions[key] = replace(session, deposit=session.deposit + amount)
        self._spend(sender, amount)

    def request_close(self, key: int, sender: str) -> None:
        """End a session for new work."""
        session = self.sessions.get(key)
        if session is None:
            raise Refused("session: unknown")
        if session.state != "open":
            raise Refused("session: not open")
        if session.funding == STAKE:
            raise Refused("session: paid by stake")
        if sender != session.payer:
            raise Refused("session: caller is not the payer")
        end = min(self.now, session.expiry)
        self.sessions[key] = replace(session, expiry=end, state="closing")

    def withdraw(self, key: int) -> int:
        """Pay back what a session has left."""
        session = self.sessions.get(key)
        if session is None:
            raise Refused("session: unknown")
        if self.now <= session.expiry + self.settle_window:
            raise Refused("session: settle window open")
        refund = session.deposit - session.settled
        if refund == 0:
            raise Refused("session: nothing to withdraw")
        self.sessions[key] = replace(session, deposit=session.settled, state="closed")
        self._spend(session.payer, -refund)
        return refund

    # Routers.

    def settle(
        self,
        sender: str,
        router: int,
        version: int,
        *,
        root: bytes,
        count: int,
        totals: Sequence[tuple[int, int]],
        signers: Sequence[str] | None = None,
    ) -> int:
        """Move sessions to their totals and anchor the root; `skipped` says which were not.

        With `signers`, who signed each total, it is a batch of vouchers.
        """
        self._check_settler(sender, router)
        self.skipped = []
        if not self.anchor.is_new(sender, root):
            return 0
        if any(key >> 128 != router for key, _ in totals):
            raise Refused("payment: other router's session")
        funding = ESCROW if signers is None else VOUCHER
        sessions, skipped = dict(self.sessions), []
        moves: list[tuple[int, int]] = []
        for i, (key, total) in enumerate(totals):
            session = sessions.get(key)
            if total <= (session.settled if session else 0):
                continue
            reason = self._refusal(session, total, version, funding)
            if reason is None and session and signers and signers[i] != session.key:
                reason = "wrong voucher signer"
            if session is None or reason is not None:
                skipped.append((key, total, reason or "unknown session"))
                continue
            moves.append((key, total - session.settled))
            sessions[key] = replace(session, settled=total)
        moved = sum(wei for _, wei in moves)
        self._book(router, version, moved, moves)
        self.sessions, self.skipped = sessions, skipped
        self.anchor.append_once(sender, root, count, self.now)
        return moved

    def settle_stake(
        self,
        sender: str,
        router: int,
        version: int,
        *,
        root: bytes,
        count: int,
        totals: Sequence[tuple[int, int]],
        work_at: int,
    ) -> int:
        """Have the quota model pay for what moved."""
        self._check_settler(sender, router)
        if not 1 <= version <= self.adopted:
            raise Refused("payment: unknown card")
        if not self.anchor.is_new(sender, root):
            return 0
        before = self.pending_of(router)
        moved = sum(self.draw(router, work_at, totals))
        if moved and before + moved > self.cover(router):
            # The caller undoes the draw: on chain all of it is reverted.
            raise Refused("router: pending exceeds bond")
        self._book(router, version, moved)
        self.anchor.append_once(sender, root, count, self.now)
        return moved

    def _check_settler(self, sender: str, router: int) -> None:
        if self.settlers.get(router) != sender:
            raise Refused("router: caller is not settler")
        if self.settle_paused:
            raise Refused("payment: settlement paused")

    def _book(
        self, router: int, version: int, moved: int, moves: Sequence[tuple[int, int]] = ()
    ) -> None:
        if not moved:
            return
        if self.pending_of(router) + moved > self.cover(router):
            raise Refused("router: pending exceeds bond")
        slot = router, version, self.now // self.bucket_seconds
        self.buckets[slot] = self.buckets.get(slot, 0) + moved
        self.moves.add(slot, moves)

    def _refusal(
        self, session: Session | None, total: int, version: int, funding: int
    ) -> str | None:
        if session is None:
            return "unknown session"
        if session.state == "closed":
            return "session closed"
        if session.funding != funding:
            return "other funding"
        if session.version != version:
            return "other card version"
        if total > session.deposit:
            return "total exceeds deposit"
        if self.now > session.expiry + self.settle_window:
            return "settle window over"
        return None

    # Disputes.

    def _slot(self, key: int, bucket: int) -> tuple[int, int, int]:
        """Return where a session's money of a bucket lies."""
        session = self.sessions.get(key)
        return key >> 128, session.version if session else 0, bucket

    def hold(self, key: int, bucket: int, amount: int) -> int:
        """Freeze money of a bucket; return how much was free to be frozen."""
        slot = self._slot(key, bucket)
        held = self.holds.get(slot, 0)
        added = min(amount, self.buckets.get(slot, 0) - held)
        self.holds[slot] = held + added
        return added

    def own_in_bucket(self, key: int, bucket: int) -> int:
        """Return what a session moved into a bucket and was not refunded from it."""
        return self.moves.own(self._slot(key, bucket), key)

    def held_for(self, key: int, bucket: int) -> int:
        """Return what is frozen where a session's money of a bucket lies."""
        return self.holds.get(self._slot(key, bucket), 0)

    def unhold(self, key: int, bucket: int, amount: int) -> None:
        """Let frozen money go."""
        slot = self._slot(key, bucket)
        if amount > self.holds.get(slot, 0):
            raise Refused("router: more than is held")
        self.holds[slot] = self.holds.get(slot, 0) - amount

    def refund(self, key: int, bucket: int, amount: int) -> int:
        """Give money of a bucket that is not frozen back."""
        slot = self._slot(key, bucket)
        taken = min(amount, self.buckets.get(slot, 0) - self.holds.get(slot, 0))
        if taken:
            self.moves.give_back(slot, key, taken)
            self._take(slot, taken)
        self._give_back(key, taken)
        return taken

    def _take(self, slot: tuple[int, int, int], amount: int) -> None:
        self.buckets[slot] -= amount
        if not self.buckets[slot]:
            del self.buckets[slot]

    def credit(self, key: int, amount: int, sender: str) -> int:
        """Give back what a bond pays."""
        self._spend(sender, amount)
        self._give_back(key, amount)
        return amount

    def _give_back(self, key: int, amount: int) -> None:
        session = self.sessions[key]
        if session.funding == STAKE:
            self.restore(key, amount)
            return
        end = min(session.expiry, self.now - self.settle_window - 1)
        self.sessions[key] = replace(
            session, deposit=session.deposit + amount, expiry=end, state="closed"
        )

    # Anyone.

    def release(self, router: int, version: int, bucket: int) -> int:
        """Split what is not frozen of a bucket among the pots."""
        slot = router, version, bucket
        settled = self.buckets.get(slot, 0)
        if settled == 0:
            raise Refused("router: nothing pending")
        end_of_bucket = (bucket + 1) * self.bucket_seconds
        if self.now < end_of_bucket + self.challenge_window:
            raise Refused("router: challenge window open")
        amount = settled - self.holds.get(slot, 0)
        if amount == 0 and slot in self.left:
            raise Refused("router: money is held")
        self.left.add(slot)
        card = self.cards[version - 1]
        nodes = amount * card.node_bps // 10_000
        validators = amount * card.validator_bps // 10_000
        self.pots[NODES] += nodes
        self.pots[VALIDATORS] += validators
        self.pots[TREASURY] += amount - nodes - validators
        if amount:
            self._take(slot, amount)
        if slot not in self.buckets:
            self.moves.drop(slot)
        return amount

    def pay_pot(self, pot: int) -> int:
        """Pay a pot to its recipient."""
        if self.pots[pot] == 0:
            raise Refused("pot: is empty")
        amount, self.pots[pot] = self.pots[pot], 0
        self.paid[pot] += amount
        return amount

    def adopt_card(self) -> int:
        """Bring the newest card in effect into use."""
        self.adopted = self.card_in_effect()
        return self.adopted

    # The owner.

    def publish(self, card: Card) -> int:
        """Publish the next card."""
        if self.cards[-1].effective_at > self.now:
            raise Refused("table: last card still waits")
        self.cards.append(card)
        return len(self.cards)

    def _spend(self, account: str, amount: int) -> None:
        self.spent[account] = self.spent.get(account, 0) + amount
