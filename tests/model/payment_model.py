# SPDX-License-Identifier: Apache-2.0
"""The escrow as docs/spec/session-payment.md and receipt-anchor.md state it, in plain Python.

No packed words, no storage, no token: numbers in dictionaries. Written from the pages, so that a
step of the contract can be compared with what the pages promise, refusals and their reasons
included.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.model.anchor_model import AnchorModel

if TYPE_CHECKING:
    from collections.abc import Sequence

NODES, VALIDATORS, TREASURY = range(3)


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
    adopted: int = 1
    deposits_paused: bool = False
    settle_paused: bool = False
    sessions: dict[int, Session] = field(default_factory=dict)
    pending: dict[tuple[int, int, int], int] = field(default_factory=dict)
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
        """Return a router's pending total."""
        return sum(wei for (owner, _, _), wei in self.pending.items() if owner == router)

    def balance(self) -> int:
        """Return the tokens that the escrow must hold (INV-P1, with what came unasked)."""
        return self.left_in_sessions() + sum(self.pending.values()) + sum(self.pots) + self.unasked

    def card_in_effect(self) -> int:
        """Return the version of the newest card in effect."""
        return max(
            version for version, card in enumerate(self.cards, 1) if card.effective_at <= self.now
        )

    # Payers.

    def open(self, key: int, session: Session) -> int:
        """Open a session under its id."""
        if self.deposits_paused:
            raise Refused("payment: deposits paused")
        if session.deposit == 0:
            raise Refused("payment: zero amount")
        if session.volume_tier > 3:
            raise Refused("payment: unknown volume tier")
        if session.expiry <= self.now:
            raise Refused("payment: expiry has passed")
        if session.router not in self.settlers:
            raise Refused("payment: unknown router")
        # The adopted card, or the one in effect, which is thereby adopted.
        if session.version not in (self.adopted, self.card_in_effect()):
            raise Refused("payment: card not in effect")
        if key in self.sessions:
            raise Refused("payment: session exists")
        self.adopted = session.version
        self.sessions[key] = session
        self._spend(session.payer, session.deposit)
        return key

    def top_up(self, key: int, amount: int, sender: str) -> None:
        """Add to a deposit."""
        if self.deposits_paused:
            raise Refused("payment: deposits paused")
        if amount == 0:
            raise Refused("payment: zero amount")
        session = self.sessions.get(key)
        if session is None or session.state != "open":
            raise Refused("payment: session not open")
        if session.expiry <= self.now:
            raise Refused("payment: session expired")
        self.sessions[key] = replace(session, deposit=session.deposit + amount)
        self._spend(sender, amount)

    def request_close(self, key: int, sender: str) -> None:
        """End a session for new work."""
        session = self.sessions.get(key)
        if session is None:
            raise Refused("payment: unknown session")
        if session.state != "open":
            raise Refused("payment: session not open")
        if sender != session.payer:
            raise Refused("payment: caller is not the payer")
        end = min(self.now, session.expiry)
        self.sessions[key] = replace(session, expiry=end, state="closing")

    def withdraw(self, key: int) -> int:
        """Pay back what a session has left."""
        session = self.sessions.get(key)
        if session is None:
            raise Refused("payment: unknown session")
        if self.now <= session.expiry + self.settle_window:
            raise Refused("payment: settle window open")
        refund = session.deposit - session.settled
        if refund == 0:
            raise Refused("payment: nothing to withdraw")
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
    ) -> int:
        """Move sessions to their totals and anchor the root; `skipped` says which were not."""
        if self.settlers.get(router) != sender:
            raise Refused("payment: caller is not settler")
        if self.settle_paused:
            raise Refused("payment: settlement paused")
        if any(key >> 128 != router for key, _ in totals):
            raise Refused("payment: other router's session")
        self.skipped = []
        moved = 0
        for key, total in totals:
            session = self.sessions.get(key)
            if total <= (session.settled if session else 0):
                continue
            reason = self._refusal(session, total, version)
            if session is None or reason is not None:
                self.skipped.append((key, total, reason or "unknown session"))
                continue
            moved += total - session.settled
            self.sessions[key] = replace(session, settled=total)
        self.anchor.append_once(sender, root, count, self.now)
        if moved:
            slot = router, version, self.now // self.bucket_seconds
            self.pending[slot] = self.pending.get(slot, 0) + moved
        return moved

    def _refusal(self, session: Session | None, total: int, version: int) -> str | None:
        if session is None:
            return "unknown session"
        if session.state == "closed":
            return "session closed"
        if session.version != version:
            return "other card version"
        if total > session.deposit:
            return "total exceeds deposit"
        if self.now > session.expiry + self.settle_window:
            return "settle window over"
        return None

    # Anyone.

    def release(self, router: int, version: int, bucket: int) -> int:
        """Split a bucket among the pots."""
        amount = self.pending.get((router, version, bucket), 0)
        if amount == 0:
            raise Refused("payment: nothing pending")
        end_of_bucket = (bucket + 1) * self.bucket_seconds
        if self.now < end_of_bucket + self.challenge_window:
            raise Refused("payment: challenge window open")
        card = self.cards[version - 1]
        nodes = amount * card.node_bps // 10_000
        validators = amount * card.validator_bps // 10_000
        self.pots[NODES] += nodes
        self.pots[VALIDATORS] += validators
        self.pots[TREASURY] += amount - nodes - validators
        del self.pending[router, version, bucket]
        return amount

    def pay_pot(self, pot: int) -> int:
        """Pay a pot to its recipient."""
        if self.pots[pot] == 0:
            raise Refused("payment: pot is empty")
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
