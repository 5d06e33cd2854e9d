# SPDX-License-Identifier: Apache-2.0
"""Epochs, bonds and payments at random; every wei is somebody's at every step."""

from __future__ import annotations

from dataclasses import dataclass, field

import boa
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.contracts.rewards import (
    BOND_WEI,
    BURN_ADDRESS,
    DAY,
    EXPIRED,
    FINAL,
    GRANT,
    OPEN,
    POSTED,
    Header,
    Rewarded,
    plain_works,
)
from tests.contracts.stateful.running import CountingMachine
from tests.model.reward_tree_model import U128, Tree

REFUSES = 1
WAITS = st.sampled_from((DAY // 2, DAY, DAY, 2 * DAY))
PICKS = st.integers(0, 2**16)
COUNTS = st.sampled_from((0, 1, 2, 3, 5, 8, 9))


@dataclass
class Final:
    """An epoch that is paid or swept."""

    tree: Tree
    unpaid: dict[int, int]
    is_expired: bool = False


@dataclass
class Money:
    """What the contract owes, by the rules of the page."""

    bonds: dict[str, int] = field(default_factory=dict)
    credits: dict[str, int] = field(default_factory=dict)
    budget: int = 0
    finals: dict[int, Final] = field(default_factory=dict)

    def owed(self) -> int:
        """Return the whole of it."""
        unpaid = sum(sum(final.unpaid.values()) for final in self.finals.values())
        return sum(self.bonds.values()) + sum(self.credits.values()) + self.budget + unpaid


class RewardMachine(CountingMachine):
    """Two proposers, a guardian and anybody use one NodeReward; the token refuses one operator.

    `own` is given by the test.
    """

    own: Rewarded

    def __init__(self) -> None:
        super().__init__()
        own = self.own
        self.proposers = (own.proposer, own.other_proposer)
        self.money = Money(bonds=dict.fromkeys(self.proposers, BOND_WEI))
        self.posted: tuple[Tree, Header] | None = None
        self.refused = plain_works(2)[1].operator
        own.cor.set_way(self.refused, REFUSES)

    def count(self, name: str) -> None:
        self.successes[name] += 1

    @initialize()
    def begin(self) -> None:
        self.own.end_epoch()

    @property
    def state(self) -> int:
        return self.own.reward.flight().state

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self.own.wait(seconds)
        self.count("wait")

    @precondition(lambda self: self.own.cor.balanceOf(self.own.fund) < GRANT // 4)
    @rule(amount=st.integers(1, GRANT))
    def grant(self, amount: int) -> None:
        self.own.grant(amount)
        self.count("grant")

    @precondition(lambda self: self.state != POSTED)
    @rule(is_next=st.booleans())
    def open_alone(self, is_next: bool) -> None:
        self.open(is_next)

    def open(self, is_next: bool) -> None:
        own, flight = self.own, self.own.reward.flight()
        if is_next:
            own.end_epoch()
        epoch = own.running - 1
        is_stuck = (
            flight.state == OPEN and boa.env.timestamp <= (flight.epoch + 1) * 7 * DAY + 6 * DAY
        )
        if epoch <= flight.epoch:
            with boa.reverts("reward: not a later epoch"):
                own.reward.open(epoch)
        elif boa.env.timestamp > (epoch + 1) * 7 * DAY + 6 * DAY:
            with boa.reverts("reward: too late to post"):
                own.reward.open(epoch)
        elif is_stuck:
            with boa.reverts("reward: one is open"):
                own.reward.open(epoch)
        else:
            # What the last one had goes back first.
            self.money.budget = own.cor.balanceOf(own.fund) + self.money.budget
            self.money.budget = min(self.money.budget, own.card.budget_cap_wei)
            assert own.reward.open(epoch) == self.money.budget
            self.count("open (lapsed)" if flight.state == OPEN else "open")

    @precondition(lambda self: self.state == OPEN)
    @rule(who=PICKS, count=COUNTS, operators=st.integers(1, 4), is_greedy=st.booleans())
    def post_alone(self, who: int, count: int, operators: int, is_greedy: bool) -> None:
        self.post(who, count, operators, is_greedy)

    def post(self, who: int, count: int, operators: int, is_greedy: bool) -> None:
        own = self.own
        proposer = self.proposers[who % 2]
        tree = Tree(own.priced(plain_works(count, min(operators, max(count, 1)))))
        more = {"sums": tree.top.sums | U128 // 2} if is_greedy and who % 3 == 0 else {}
        flight = own.reward.flight()
        if boa.env.timestamp > (flight.epoch + 1) * 7 * DAY + 6 * DAY:
            with boa.reverts("reward: too late to post"):
                own.post(tree, proposer, **more)
        elif not own.reward.can_post(proposer):
            with boa.reverts("reward: no bond"):
                own.post(tree, proposer, **more)
            own.give(proposer, BOND_WEI)
            own.reward.deposit_bond(BOND_WEI, sender=proposer)
            self.money.bonds[proposer] += BOND_WEI
        else:
            self.posted = tree, own.post(tree, proposer, **more)
            self.count("post")

    @precondition(lambda self: self.state != POSTED)
    @rule(who=PICKS, count=COUNTS, operators=st.integers(1, 4), is_greedy=st.booleans())
    def open_and_post(self, who: int, count: int, operators: int, is_greedy: bool) -> None:
        """What nearly always happens: the epoch ends, and its root is posted at once."""
        self.open(True)
        if self.state == OPEN:
            self.post(who, count, operators, is_greedy)

    @precondition(lambda self: self.state == POSTED)
    @rule(is_patient=st.booleans(), place=PICKS, height=st.integers(0, 4))
    def finalise(self, is_patient: bool, place: int, height: int) -> None:
        own, (tree, header) = self.own, self.posted
        flight = own.reward.flight()
        if is_patient:
            boa.env.timestamp = max(boa.env.timestamp, flight.challengeable_until + 1)
        allotted = header.sums & U128
        if boa.env.timestamp <= flight.challengeable_until:
            with boa.reverts("reward: still challengeable"):
                own.reward.finalise(flight.epoch, header)
        elif allotted > flight.budget:
            with boa.reverts("reward: over the budget"):
                own.reward.finalise(flight.epoch, header)
        else:
            own.reward.finalise(flight.epoch, header)
            unpaid = {index: leaf.sums & U128 for index, leaf in enumerate(tree.leaves)}
            self.money.finals[flight.epoch] = Final(tree, unpaid)
            self.money.budget = 0
            self.count("finalise")
            self.pay_run(-1, place, height)

    @precondition(lambda self: self.state == POSTED)
    @rule(is_veto=st.booleans())
    def overthrow(self, is_veto: bool) -> None:
        own, (_, header) = self.own, self.posted
        flight = own.reward.flight()
        before = own.holdings(BURN_ADDRESS, own.challenger, own.treasury)
        if header.sums & U128 > flight.budget:
            own.dispute.challenge_budget(flight.epoch, header, sender=own.challenger)
            self.count("overthrow")
        elif is_veto and flight.veto_at and boa.env.timestamp >= flight.veto_at:
            if boa.env.timestamp > flight.veto_at + DAY:
                with boa.reverts("reward: veto has lapsed"):
                    own.reward.execute_veto(flight.epoch, header, sender=own.guardian)
                return
            own.reward.execute_veto(flight.epoch, header, sender=own.guardian)
            self.count("veto")
        else:
            with boa.reverts("tproof: within the budget"):
                own.dispute.challenge_budget(flight.epoch, header, sender=own.challenger)
            return
        after = own.holdings(BURN_ADDRESS, own.challenger, own.treasury)
        taken = min(self.money.bonds[header.proposer], BOND_WEI)
        self.money.bonds[header.proposer] -= taken
        assert sum(after) - sum(before) == taken
        assert after[0] - before[0] == taken - taken // 2

    @precondition(lambda self: self.state == POSTED)
    @rule()
    def announce(self) -> None:
        own, flight = self.own, self.own.reward.flight()
        if flight.veto_at == 0 and boa.env.timestamp <= flight.challengeable_until:
            own.reward.announce_veto(flight.epoch, "", sender=own.guardian)
            self.count("announce")

    @precondition(lambda self: self.money.finals)
    @rule(pick=PICKS, place=PICKS, height=st.integers(0, 4))
    def pay(self, pick: int, place: int, height: int) -> None:
        self.pay_run(pick, place, height)

    def pay_run(self, pick: int, place: int, height: int) -> None:
        own = self.own
        epochs = sorted(self.money.finals)
        epoch = epochs[pick % len(epochs)]
        final = self.money.finals[epoch]
        count = len(final.tree.leaves)
        if not count:
            return
        size = 1 << min(height, final.tree.depth)
        start = place % (-(-count // size)) * size
        act = "sweep" if final.is_expired else "pay"
        run = range(start, min(start + size, count))
        new = [index for index in run if index in final.unpaid]
        if not new:
            with boa.reverts("payout: all are paid"):
                own.pay(epoch, final.tree, start, size, act)
            return
        assert own.pay(epoch, final.tree, start, size, act) == sum(final.unpaid[i] for i in new)
        for index in new:
            amount = final.unpaid.pop(index)
            operator = final.tree.leaves[index].operator
            if act == "pay" and operator == self.refused and amount:
                self.money.credits[operator] = self.money.credits.get(operator, 0) + amount
                self.count("pay (credited)")
        self.count(act)

    @precondition(lambda self: self.money.credits)
    @rule()
    def claim(self) -> None:
        own, credit = self.own, self.money.credits.pop(self.refused)
        assert own.reward.claim_credit(own.treasury, sender=self.refused) == credit
        self.count("claim")

    @precondition(lambda self: any(not final.is_expired for final in self.money.finals.values()))
    @rule(pick=PICKS)
    def expire(self, pick: int) -> None:
        own = self.own
        paid = sorted(e for e, final in self.money.finals.items() if not final.is_expired)
        epoch = paid[pick % len(paid)]
        due_at = own.reward.epoch(epoch).finalised_at + own.windows.expiry_seconds
        if boa.env.timestamp <= due_at:
            with boa.reverts("reward: not expired yet"):
                own.reward.expire(epoch)
            boa.env.timestamp = due_at + 1 if pick % 3 == 0 else boa.env.timestamp
            return
        own.reward.expire(epoch)
        self.money.finals[epoch].is_expired = True
        self.count("expire")

    @rule(who=PICKS)
    def bond(self, who: int) -> None:
        own, proposer = self.own, self.proposers[who % 2]
        amount, withdrawable_at = own.reward.bond(proposer)
        assert amount == self.money.bonds[proposer]
        if withdrawable_at and boa.env.timestamp >= withdrawable_at:
            assert own.reward.withdraw_bond(sender=proposer) == amount
            self.money.bonds[proposer] = 0
            self.count("withdraw")
        elif amount >= BOND_WEI and who % 7 == 6 and not withdrawable_at:
            own.reward.request_bond(sender=proposer)
        elif amount < BOND_WEI:
            own.give(proposer, BOND_WEI)
            own.reward.deposit_bond(BOND_WEI, sender=proposer)
            self.money.bonds[proposer] += BOND_WEI
            self.count("deposit")

    @invariant()
    def inv_w4_every_wei_is_somebodys(self) -> None:
        assert self.own.cor.balanceOf(self.own.reward) == self.money.owed()

    @invariant()
    def inv_w8_what_is_said_of_epochs(self) -> None:
        flight = self.own.reward.flight()
        assert flight.budget == self.money.budget
        last = self.own.reward.last_final_epoch()
        assert last == max(self.money.finals, default=0)
        for epoch, final in self.money.finals.items():
            found = self.own.reward.epoch(epoch)
            assert found.state == (EXPIRED if final.is_expired else FINAL)
            assert found.root == final.tree.seal

    def everybody_leaves(self) -> None:
        """Pay, sweep, claim and withdraw all: the budget in flight is what is left."""
        own, money = self.own, self.money
        for epoch in sorted(money.finals):
            self._pay_all(epoch)
        if money.credits:
            own.reward.claim_credit(own.treasury, sender=self.refused)
        bonded = [proposer for proposer in self.proposers if money.bonds[proposer]]
        for proposer in bonded:
            if not own.reward.bond(proposer)[1]:
                own.reward.request_bond(sender=proposer)
        own.wait(own.reward.COOLDOWN_SECONDS())
        for proposer in bonded:
            own.reward.withdraw_bond(sender=proposer)
        assert own.cor.balanceOf(own.reward) == money.budget
        self.count("left with all")

    def _pay_all(self, epoch: int) -> None:
        final = self.money.finals[epoch]
        if final.unpaid:
            self.pay_run(sorted(self.money.finals).index(epoch), 0, final.tree.depth)
        assert not final.unpaid
