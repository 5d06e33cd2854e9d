# SPDX-License-Identifier: Apache-2.0
"""Rewards on chain beside their reference model: who there is, what is posted, what must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boa
from hypothesis.stateful import invariant

from tests.contracts.reward_cards import changed
from tests.contracts.rewards import BOND_WEI, DAY, Header, Rewarded, Windows
from tests.contracts.stateful.reward_cheats import Case, Cheat
from tests.contracts.stateful.running import CountingMachine
from tests.model.epochs_model import POSTED, Bond, EpochsModel, Flight, Refused
from tests.model.reward_tree_model import Facts, Leaf, Tree, Work

#: Of each operator; one epoch's tree has from none to all of them.
SIZES = (3, 2, 2, 1)
#: A cap that some operators meet and some do not, and less in an epoch than the fund may have.
CARD = changed(cap_bps=3_000, budget_cap_wei=3_000 * 10**18)
#: Two epochs can be posted at the same time; a bond comes back a second after the last challenge.
WINDOWS = Windows(
    post_seconds=9 * DAY,
    expiry_seconds=90 * DAY,
    cooldown_seconds=4 * DAY + 1,
)
REJOIN_SECONDS = 14 * DAY


def reward_world() -> Rewarded:
    """Deploy rewards with the machine's rules and nodes, and proposers with many bonds."""
    own = Rewarded(CARD, WINDOWS, token="mocks/MockBlockingToken", grant=0)
    own.people(*SIZES)
    for proposer in (own.proposer, own.other_proposer):
        own.give(proposer, 10_000 * BOND_WEI)
    return own


@dataclass
class Root:
    """What is posted; `cheat` is None, and its `kind` empty, if it follows from the inputs."""

    tree: Tree
    header: Header
    cheat: Cheat | None
    kind: str
    is_acquitted: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether each leaf can be paid from it, and the next epoch can follow from it."""
        return self.cheat is None or self.cheat.is_sound


@dataclass
class Paid:
    """The tree of a final epoch, and what each operator got or was credited of it."""

    root: Root
    got: Counter[str] = field(default_factory=Counter)


class RewardComparison(CountingMachine):
    """Two proposers, a guardian, an owner, a challenger, eight nodes of four operators.

    The token refuses one of the operators, and now and then others. `own` is given by the test.
    """

    own: Rewarded
    refusals = (Refused,)

    def __init__(self) -> None:
        super().__init__()
        own = self.own
        self.proposers = (own.proposer, own.other_proposer)
        self.operators = list(dict.fromkeys(operator for operator, _ in own.pairs))
        self.model = EpochsModel(
            now=lambda: boa.env.timestamp,
            windows=own.windows,
            bond_wei=BOND_WEI,
            budget_cap=own.card.budget_cap_wei,
            guardian=own.guardian,
            owner=own.owner,
            treasury=own.treasury,
            fund=0,
            flight=Flight(own.reward.flight().epoch),
            bonds={proposer: Bond(BOND_WEI) for proposer in self.proposers},
        )
        #: Stays of each pair, by its number: from when until when; None while one lasts.
        self.stays: list[list[tuple[int, int | None]]] = [[(0, None)] for _ in own.pairs]
        self.root: Root | None = None
        self.paid: dict[int, Paid] = {}
        #: What they have in the token.
        self.has: Counter[str] = Counter(
            {who: own.cor.balanceOf(who) for who in (*self.operators, own.treasury)}
        )

    def step(self, name: str, on_chain: Callable[[], Any], in_model: Callable[[], Any]) -> bool:
        """Take a step in both, and return whether it was taken."""
        before = self.successes[name]
        self.both(name, on_chain, in_model)
        return self.successes[name] > before

    def count(self, name: str) -> None:
        self.successes[name] += 1

    @property
    def state(self) -> int:
        return self.model.flight.state

    def leap(self, moment: int) -> None:
        """Let time pass until a moment, if it is not over."""
        boa.env.timestamp = max(boa.env.timestamp, moment)

    def active(self, epoch: int) -> list[tuple[str, str]]:
        """Return who was registered all through an epoch."""
        start = epoch * self.own.windows.epoch_seconds
        end = self.model.end(epoch)
        return [
            pair
            for pair, stays in zip(self.own.pairs, self.stays, strict=True)
            if any(begun <= start and (left is None or left >= end) for begun, left in stays)
        ]

    def last(self) -> Root | None:
        """Return the root that levels of the epoch in flight follow from."""
        prior = self.model.prior(self.model.flight.epoch)
        return self.paid[prior].root if prior else None

    def case(self, facts: list[Facts]) -> Case:
        """Return what follows from the epoch in flight, of nodes that did by turns what is given.

        What a last tree says whose rows are not in order nobody can say; then levels begin where
        its leaves end, and proofs of that are left out until the owner has it forgotten.
        """
        last, flight = self.last(), self.model.flight
        before = {leaf.key: leaf for leaf in last.tree.leaves} if last else {}
        works = []
        for number, (operator, node) in enumerate(self.active(flight.epoch)):
            then = before.get((int(operator, 16), int(node, 16)))
            did = followed(facts[number % len(facts)], then)
            works.append(Work(operator, node, did, 1_000 + 700 * number))
        is_known = last is None or last.is_sound
        tree = last.tree if last and last.is_sound else None
        return Case(self.own.card, flight.budget, works, tree, is_known)

    @invariant()
    def inv_w4_every_wei_is_somebodys(self) -> None:
        own = self.own
        assert own.cor.balanceOf(own.reward) == self.model.owed()
        assert own.cor.balanceOf(own.fund) == self.model.fund

    @invariant()
    def inv_w7_w8_epochs_are_where_the_model_has_them(self) -> None:
        flight, known = self.own.reward.flight(), self.model.flight
        assert (flight.epoch, flight.state) == (known.epoch, known.state)
        assert (flight.budget, flight.veto_at) == (known.budget, known.veto_at)
        assert flight.challengeable_until == self.model.challengeable_until()
        assert self.own.reward.last_final_epoch() == max(self.model.finals, default=0)
        last = self.last()
        prior = self.own.reward.prior_root(known.epoch)
        assert prior == (last.tree.seal if last else bytes(32))

    @invariant()
    def inv_w10_a_root_that_can_be_challenged_has_its_bond(self) -> None:
        reward = self.own.reward
        if self.state == POSTED and boa.env.timestamp <= reward.flight().challengeable_until:
            assert reward.bond(self.root.header.proposer)[0] >= BOND_WEI

    @invariant()
    def inv_w1_w3_nobody_gets_more_than_his_cap_nor_all_more_than_the_budget(self) -> None:
        for epoch, paid in self.paid.items():
            final = self.model.finals[epoch]
            assert final.spent <= final.allotted <= final.budget
            if paid.root.cheat is None:
                most = final.budget * self.own.card.cap_bps // 10_000
                assert all(got <= most for got in paid.got.values())


def followed(facts: Facts, then: Leaf | None) -> Facts:
    """Return facts that begin where a leaf of the last epoch ended, or with nothing."""
    level, streak = then.end() if then else (0, 0)
    return Facts(**{**vars(facts), "level_before": level, "streak_before": streak})
