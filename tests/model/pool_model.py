# SPDX-License-Identifier: Apache-2.0
"""The pool of stake as docs/spec/stake-pool.md states it, in plain Python.

No packed words, no storage, no token: numbers in dictionaries. Written from the page, so that a
step of the contract can be compared with what the page promises, refusals and their reasons
included.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MOST_ROUTERS = 2**32


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the model, no fault in it
    """The step is refused; the message is the contract's reason."""


@dataclass(frozen=True)
class Rules:
    """What is fixed at deployment."""

    cooldown: int
    node_stake: int
    min_bond: int
    cover_bps: int
    cap_bps: int
    appeal: int
    resolve: int


@dataclass
class Position:
    """Stake of one owner for one purpose, and where each wei of it went."""

    owner: str
    amount: int = 0
    leaving: int = 0
    withdrawable_at: int = 0
    put_in: int = 0
    withdrawn: int = 0
    slashed: int = 0


@dataclass
class Proposal:
    """A slash that was proposed; `lapses_at` is None unless it was appealed."""

    amount: int
    executable_at: int
    lapses_at: int | None = None


@dataclass
class PoolModel:
    """Everything that the pool knows. Steps return what the contract returns."""

    rules: Rules
    now: int
    owner: str
    slasher: str
    treasury: str
    dispute: str
    settlers: dict[int, str]
    positions: dict[int, Position] = field(default_factory=dict)
    proposals: dict[int, Proposal] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)
    spent: Counter[str] = field(default_factory=Counter)
    unasked: int = 0

    # Sums that the invariants speak of.

    def balance(self) -> int:
        """Return the tokens that the pool must hold (INV-S1, with what came unasked)."""
        return sum(p.amount + p.leaving for p in self.positions.values()) + self.unasked

    def cover(self, router: int) -> int:
        """Return the most that a router may have pending."""
        bond = self.positions.get(router)
        if router >= MOST_ROUTERS or bond is None or bond.amount < self.rules.min_bond:
            return 0
        return bond.amount * self.rules.cover_bps // 10_000

    def is_staked(self, node: int) -> bool:
        """Return whether a node's position has enough."""
        return node in self.positions and self.positions[node].amount >= self.rules.node_stake

    def is_proposed(self, key: int) -> bool:
        """Return whether a slash is proposed for a position that is not over."""
        proposal = self.proposals.get(key)
        if proposal is None:
            return False
        return proposal.lapses_at is None or self.now < proposal.lapses_at

    # Stake.

    def open_node(self, key: int, amount: int, sender: str) -> int:
        """Open a node's position under its number."""
        return self._open(key, sender, amount, sender)

    def open_bond(self, router: int, owner: str, amount: int, sender: str) -> int:
        """Open a router's bond."""
        if sender != self.settlers.get(router):
            raise Refused("pool: caller is not settler")
        return self._open(router, owner, amount, sender)

    def _open(self, key: int, owner: str, amount: int, sender: str) -> int:
        if amount == 0:
            raise Refused("pool: zero amount")
        if key in self.positions:
            raise Refused("pool: position exists")
        self.positions[key] = Position(owner)
        self.stake(key, amount, sender)
        return key

    def stake(self, key: int, amount: int, sender: str) -> None:
        """Add to a position."""
        if amount == 0:
            raise Refused("pool: zero amount")
        if key not in self.positions:
            raise Refused("pool: unknown position")
        self.positions[key].amount += amount
        self.positions[key].put_in += amount
        self.spent[sender] += amount

    def _of(self, key: int, sender: str) -> Position:
        if key not in self.positions:
            raise Refused("pool: unknown position")
        if self.positions[key].owner != sender:
            raise Refused("pool: caller is not the owner")
        return self.positions[key]

    def request_unstake(self, key: int, amount: int, sender: str) -> None:
        """Ask stake back."""
        if amount == 0:
            raise Refused("pool: zero amount")
        position = self._of(key, sender)
        if amount > position.amount:
            raise Refused("pool: more than is staked")
        position.amount -= amount
        position.leaving += amount
        position.withdrawable_at = self.now + self.rules.cooldown

    def withdraw(self, key: int) -> int:
        """Pay what leaves to the owner."""
        position = self.positions.get(key)
        if position is None or position.leaving == 0:
            raise Refused("pool: nothing to withdraw")
        if self.now < position.withdrawable_at:
            raise Refused("pool: cooling down")
        if self.is_proposed(key):
            raise Refused("pool: slash is proposed")
        paid = position.leaving
        position.leaving = position.withdrawable_at = 0
        position.withdrawn += paid
        self.received[position.owner] += paid
        return paid

    # Slashing.

    def slash_bond(self, router: int, amount: int, to: str, sender: str) -> int:
        """Take from a bond for the dispute contract."""
        if sender != self.dispute:
            raise Refused("pool: caller is not dispute")
        if router >= MOST_ROUTERS:
            raise Refused("pool: router id over uint32")
        return self._take(router, amount, to)

    def propose_slash(self, key: int, amount: int, sender: str) -> None:
        """Propose to slash a position."""
        if sender != self.slasher:
            raise Refused("pool: caller is not slasher")
        if amount == 0:
            raise Refused("pool: zero amount")
        if self.is_proposed(key):
            raise Refused("pool: slash is proposed")
        lapsed = self.proposals.get(key)
        last = self.ended.get(key) if lapsed is None else lapsed.lapses_at
        if last is not None and self.now < last + self.rules.appeal:
            raise Refused("pool: too soon to slash again")
        position = self.positions.get(key, Position(""))
        if amount > (position.amount + position.leaving) * self.rules.cap_bps // 10_000:
            raise Refused("pool: slash over the cap")
        self.proposals[key] = Proposal(amount, self.now + self.rules.appeal)

    def appeal_slash(self, key: int, sender: str) -> None:
        """Appeal a proposal."""
        self._of(key, sender)
        proposal = self._proposal(key)
        if proposal.lapses_at is not None:
            raise Refused("pool: already appealed")
        if self.now >= proposal.executable_at:
            raise Refused("pool: appeal window over")
        proposal.lapses_at = self.now + self.rules.resolve

    def resolve_slash(self, key: int, *, is_upheld: bool, sender: str) -> None:
        """Decide an appeal."""
        if sender != self.owner:
            raise Refused("ownable: caller is not the owner")
        proposal = self._proposal(key)
        if proposal.lapses_at is None:
            raise Refused("pool: not appealed")
        if self.now >= proposal.lapses_at:
            raise Refused("pool: appeal has lapsed")
        self._end(key, self.now)
        if is_upheld:
            self._take(key, proposal.amount, self.treasury)

    def execute_slash(self, key: int) -> int:
        """Execute a proposal that nobody appealed, or clear one whose appeal lapsed."""
        proposal = self._proposal(key)
        if proposal.lapses_at is not None:
            if self.now < proposal.lapses_at:
                raise Refused("pool: appeal is undecided")
            self._end(key, proposal.lapses_at)
            return 0
        if self.now < proposal.executable_at:
            raise Refused("pool: appeal window open")
        self._end(key, self.now)
        return self._take(key, proposal.amount, self.treasury)

    def _proposal(self, key: int) -> Proposal:
        if key not in self.proposals:
            raise Refused("pool: no slash proposed")
        return self.proposals[key]

    def _end(self, key: int, at: int) -> None:
        del self.proposals[key]
        self.ended[key] = at

    def _take(self, key: int, wanted: int, to: str) -> int:
        position = self.positions.get(key, Position(""))
        staked = min(wanted, position.amount)
        left = min(wanted - staked, position.leaving)
        position.amount -= staked
        position.leaving -= left
        if position.leaving == 0:
            position.withdrawable_at = 0
        position.slashed += staked + left
        self.received[to] += staked + left
        return staked + left
