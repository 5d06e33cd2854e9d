# SPDX-License-Identifier: Apache-2.0
"""How it begins, the money of rewards at random, and how it ends.

Bonds, the fund, runs of leaves, credits, expiry.
"""

from __future__ import annotations

import boa
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.contracts.rewards import BOND_WEI, BURN_ADDRESS, EXPIRED, FINAL, GRANT, due
from tests.contracts.stateful.reward_comparison import SIZES, Root
from tests.contracts.stateful.reward_steps import GOOD, KINDS_IN_TURN, PICKS, PLANS, RARELY, Plan
from tests.contracts.stateful.reward_vetoes import WAYS, RewardVetoes
from tests.model.epochs_model import POSTED
from tests.model.reward_tree_model import U128, Sum, Tree, parent_hash


class RewardMachine(RewardVetoes):
    """All steps."""

    @initialize(
        stays=st.sampled_from((5, 7, 8, 6, 3, 5, 8, 4, 2, 1, 0)),
        first=st.integers(0, 7),
        refused=st.integers(0, len(SIZES) - 1),
        kind=st.sampled_from(range(len(KINDS_IN_TURN))),
        way=st.sampled_from(range(len(WAYS))),
        is_poor=st.sampled_from((False, False, False, True)),
        is_second=st.booleans(),
        picks=st.lists(PICKS, min_size=2, max_size=4),
    )
    def begin(
        self,
        stays: int,
        first: int,
        refused: int,
        kind: int,
        way: int,
        is_poor: bool,
        is_second: bool,
        picks: list[int],
    ) -> None:
        """Some nodes leave before the first epoch; a token that reverts or says no.

        Nobody fills the fund of the poor, but for a rule that does so now and then. Cheats and
        vetoes come in turn from what is drawn here, some at once, before anything was final and
        after the first epoch that was: that a run has each of them should not be luck.
        """
        own = self.own
        self.next_kind, self.next_way = kind, way
        self.is_poor = is_poor
        self.refused = self.operators[refused]
        self.refuse(self.refused, 1 + first % 2)
        for number in range(stays, len(own.pairs)):
            self.leave((first + number) % len(own.pairs))
        own.end_epoch()
        honest = Plan(who=first % 2, deeds=[GOOD], is_honest=True, pick=0)
        self.catch(honest, picks)
        if is_second:
            self.ready(honest)
            self.watch()
            self.stand()
            # Which needs a final epoch.
            self.next_kind = KINDS_IN_TURN.index("prior")
            self.catch(honest, picks)
        self.veto_in_turn(honest)

    @rule(amount=st.integers(1, GRANT))
    def grant_any(self, amount: int) -> None:
        self.grant(amount)

    def grant(self, amount: int) -> None:
        self.own.grant(amount)
        self.model.fund += amount
        self.count("grant")

    # Bonds.

    def deposit(self, proposer: str) -> None:
        self.step(
            "deposit",
            lambda: self.own.reward.deposit_bond(BOND_WEI, sender=proposer),
            lambda: self.model.deposit(proposer, BOND_WEI),
        )

    @rule(who=PICKS, is_more=RARELY)
    def bond(self, who: int, is_more: bool) -> None:
        """Ask for a bond back, the posted root's rather; take it as soon as it goes; more of it."""
        own, model = self.own, self.model
        proposer = self.proposers[who % 2]
        if is_more:
            self.deposit(proposer)
            return
        if model.bonds[proposer].withdrawable_at:
            self.withdraw(proposer)
        else:
            self.step(
                "request",
                lambda: own.reward.request_bond(sender=proposer),
                lambda: model.request(proposer),
            )
        bond = model.bonds[proposer]
        assert own.reward.bond(proposer) == (bond.amount, bond.withdrawable_at)

    @precondition(lambda self: any(bond.withdrawable_at for bond in self.model.bonds.values()))
    @rule(who=PICKS, more=st.sampled_from((0, 0, -1)))
    def take_bond_back(self, who: int, more: int) -> None:
        """In the very second in which it goes, or in the one before."""
        asked = [who for who, bond in self.model.bonds.items() if bond.withdrawable_at]
        proposer = asked[who % len(asked)]
        self.leap(self.model.bonds[proposer].withdrawable_at + more)
        self.withdraw(proposer)

    @rule(plan=PLANS, more=st.sampled_from((0, 0, 1)))
    def slip_away(self, plan: Plan, more: int) -> None:
        """INV-W10 where it is narrowest: asked back with the post, and a veto at the very last.

        In the last second in which the root can be challenged the bond stays; in the next it goes.
        """
        if self.state == POSTED:
            self.stand()
        self.ready(plan)
        own, model = self.own, self.model
        proposer = self.root.header.proposer
        self.step(
            "request",
            lambda: own.reward.request_bond(sender=proposer),
            lambda: model.request(proposer),
        )
        self.leap(model.flight.until)
        self.announce("guardian")
        self.leap(model.challengeable_until() + more)
        self.withdraw(proposer)

    def withdraw(self, proposer: str) -> None:
        self.step(
            "withdraw",
            lambda: self.own.reward.withdraw_bond(sender=proposer),
            lambda: self.model.withdraw(proposer),
        )

    # Payment.

    @precondition(lambda self: self.paid)
    @rule(
        pick=PICKS,
        place=PICKS,
        height=st.integers(0, 4),
        is_claimed=st.booleans(),
        is_wrong_act=RARELY,
    )
    def pay(self, pick: int, place: int, height: int, is_claimed: bool, is_wrong_act: bool) -> None:
        """A run of any final epoch; a credit is taken at once, or some time."""
        epochs = sorted(self.paid)
        self.pay_run(epochs[pick % len(epochs)], place, height, is_wrong_act=is_wrong_act)
        if is_claimed and self.model.credits:
            self.claim(self.refused)

    def pay_run(self, epoch: int, place: int, height: int, *, is_wrong_act: bool = False) -> None:
        """INV-W2, INV-W12: pay a run before the epoch expires, sweep it afterwards."""
        own, model = self.own, self.model
        root = self.paid[epoch].root if epoch in self.paid else self.root
        count = len(root.tree.leaves)
        if not count:
            return
        size = 1 << min(height, root.tree.depth)
        start = place % (-(-count // size)) * size
        run = range(start, min(start + size, count))
        is_expired = epoch in self.paid and model.finals[epoch].is_expired
        act = "sweep" if is_expired != is_wrong_act else "pay"
        in_model = {"pay": model.pay, "sweep": model.sweep}[act]
        amounts = {index: root.tree.leaves[index].sums & U128 for index in run}
        if epoch in self.paid and not is_provable(root, start, run):
            with boa.reverts():
                own.pay(epoch, root.tree, start, size, act)
            self.count("pay (not in the tree)")
            return
        paid: dict[int, int] = {}

        def mark() -> int:
            paid.update(in_model(epoch, amounts))
            return sum(paid.values())

        def on_chain() -> int:
            if act == "pay" and size == 1 and place % 2:
                leaf = root.tree.leaves[start]
                return own.reward.pay_one(epoch, start, due(leaf), root.tree.proof(start))
            return own.pay(epoch, root.tree, start, size, act)

        if self.step(act, on_chain, mark):
            self.check_paid(epoch, act, paid)

    def check_paid(self, epoch: int, act: str, paid: dict[int, int]) -> None:
        """Each operator has what his leaves say, or a credit of it; the treasury what is swept."""
        own, model = self.own, self.model
        if act == "sweep":
            self.has[own.treasury] += model.send(own.treasury, sum(paid.values()))
            assert own.cor.balanceOf(own.treasury) == self.has[own.treasury]
            assert own.reward.credit(own.treasury) == model.credits.get(own.treasury, 0)
            self.successes["sweep (credited)"] += own.treasury in model.refused
            return
        leaves = self.paid[epoch].root.tree.leaves
        for index, amount in paid.items():
            operator = leaves[index].operator
            self.paid[epoch].got[operator] += amount
            self.has[operator] += model.send(operator, amount)
            self.successes["pay (credited)"] += operator in model.refused and amount > 0
        for operator in {leaves[index].operator for index in paid}:
            assert own.cor.balanceOf(operator) == self.has[operator]
            assert own.reward.credit(operator) == model.credits.get(operator, 0)

    @rule(pick=PICKS, way=st.sampled_from((0, 1, 2)))
    def mind(self, pick: int, way: int) -> None:
        """The token changes its mind about one: it pays, reverts or says no."""
        own = self.own
        some = (own.treasury, own.challenger, BURN_ADDRESS, self.refused)
        self.refuse(some[pick % len(some)], way)
        self.count("mind")

    def refuse(self, who: str, way: int) -> None:
        self.own.cor.set_way(who, way)
        (self.model.refused.add if way else self.model.refused.discard)(who)

    @property
    def creditors(self) -> list[str]:
        """Who has a credit and can claim it: nobody has the key of where bonds are burnt."""
        return [who for who in self.model.credits if who != BURN_ADDRESS]

    @precondition(lambda self: self.creditors)
    @rule(pick=PICKS, is_other=RARELY)
    def claim_any(self, pick: int, is_other: bool) -> None:
        self.claim(self.own.stranger if is_other else self.creditors[pick % len(self.creditors)])

    def claim(self, operator: str) -> None:
        """INV-W12: a credit does not expire."""
        self.step(
            "claim",
            lambda: self.own.reward.claim_credit(self.own.stranger, sender=operator),
            lambda: self.model.claim(operator),
        )

    @precondition(lambda self: self.paid)
    @rule(pick=PICKS, place=PICKS, more=st.sampled_from((None, 0, 1, 1)))
    def expire(self, pick: int, place: int, more: int | None) -> None:
        """At any time, in the last second of payment, or in the one after; then a run is swept."""
        own, epochs = self.own, sorted(self.paid)
        epoch = epochs[pick % len(epochs)]
        final = self.model.finals[epoch]
        if more is not None:
            self.leap(final.finalised_at + own.windows.expiry_seconds + more)
        if self.step("expire", lambda: own.reward.expire(epoch), lambda: self.model.expire(epoch)):
            self.pay_run(epoch, place, place % 4)
        found = own.reward.epoch(epoch)
        assert found.state == (EXPIRED if final.is_expired else FINAL)
        assert found.root == self.paid[epoch].root.tree.seal

    # The end.

    def everybody_leaves(self) -> None:
        """Pay, sweep, claim and withdraw all: the budget in flight is what is left.

        And what is in trees whose leaves cannot be proven, since nobody challenged them.
        """
        own, model = self.own, self.model
        left = model.flight.budget
        for epoch, paid in self.paid.items():
            tree, final = paid.root.tree, model.finals[epoch]
            places = set(range(len(tree.leaves)))
            if places - final.done:
                self.pay_run(epoch, 0, tree.depth)
            for place in places - final.done:
                self.pay_run(epoch, place, 0)
            left += final.allotted - final.spent
            assert not paid.root.is_sound or final.allotted == final.spent
        for creditor in self.creditors:
            self.claim(creditor)
        left += model.credits.get(BURN_ADDRESS, 0)
        bonded = [proposer for proposer, bond in model.bonds.items() if bond.amount]
        for proposer in bonded:
            if not model.bonds[proposer].withdrawable_at:
                own.reward.request_bond(sender=proposer)
        own.wait(own.windows.cooldown_seconds)
        for proposer in bonded:
            own.reward.withdraw_bond(sender=proposer)
        assert own.cor.balanceOf(own.reward) == left
        self.count("left with all")


def is_provable(root: Root, start: int, run: range) -> bool:
    """Return whether a run of leaves is in a tree whose rows may be wrong.

    By the page: leaves are hashed to a node, the siblings to the top; no half of any sum overflows.
    """
    tree = root.tree
    below = Tree([tree.leaves[index] for index in run])
    node, height = below.top, below.depth
    halves = [leaf.sums for leaf in below.leaves]
    if not fits(halves):
        return False
    index = start >> height
    for sibling in tree.proof(index, height):
        if not fits([node.sums, sibling.sums]):
            return False
        pair = (sibling, node) if index % 2 else (node, sibling)
        node = Sum(parent_hash(*pair), node.sums + sibling.sums)
        index //= 2
    return node == tree.top


def fits(sums: list[int]) -> bool:
    """Return whether packed sums can be added."""
    return all(sum(half) <= U128 for half in ([s & U128 for s in sums], [s >> 128 for s in sums]))
