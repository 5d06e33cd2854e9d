# SPDX-License-Identifier: Apache-2.0
"""Epochs open, are posted, fall, stand or lapse; nodes come and go."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import NamedTuple

import boa
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.contracts.rewards import DAY, GRANT, INPUTS, URI, Header
from tests.contracts.stateful.reward_cheats import KINDS
from tests.contracts.stateful.reward_comparison import (
    REJOIN_SECONDS,
    Paid,
    Root,
)
from tests.contracts.stateful.reward_trials import RewardTrials
from tests.model.epochs_model import OPEN, POSTED
from tests.model.reward_tree_model import Facts

PICKS = st.integers(0, 2**16)
RARELY = st.integers(0, 7).map(lambda number: number == 7)
GOOD = Facts()
#: What a node did: well, much, unstaked, away, too little, badly.
DEEDS = (
    GOOD,
    replace(GOOD, models=7, rate_bps=10_000, agreement_bps=10_000),
    replace(GOOD, flags=0),
    replace(GOOD, uptime_bps=4_999, streak_after=0),
    replace(GOOD, tasks=19),
    replace(GOOD, rate_bps=1_000, streak_after=2),
)
#: Each seventh kind comes next, so that a short run has some of every sort.
KINDS_IN_TURN = [[*KINDS.known][7 * place % len(KINDS.known)] for place in range(len(KINDS.known))]


class Plan(NamedTuple):
    """What somebody will post: by which proposer, of which deeds, and where something is wrong."""

    who: int
    deeds: list[Facts]
    is_honest: bool
    pick: int


#: Half of all roots are honest, and half of all nodes good.
PLANS = st.builds(
    Plan,
    who=st.integers(0, 1),
    deeds=st.lists(st.just(GOOD) | st.sampled_from(DEEDS), min_size=1, max_size=4),
    is_honest=st.booleans(),
    pick=PICKS,
)


class RewardSteps(RewardTrials):
    """One epoch after the other.

    The test begins by saying which kind of cheat comes next, and whether nobody fills the fund.
    """

    next_kind: int
    is_poor: bool

    @rule(pick=PICKS)
    def wait(self, pick: int) -> None:
        """Go to where something ends or begins, or near it, or on for half a day."""
        model, flight = self.model, self.model.flight
        ends = [model.deadline(flight.epoch), model.end(flight.epoch + 1) - 1]
        if flight.state == POSTED:
            ends += [flight.until, model.challengeable_until()]
            ends += [flight.veto_at - 1] if flight.veto_at else []
        ends += [bond.withdrawable_at - 1 for bond in model.bonds.values()]
        now = boa.env.timestamp
        moments = sorted({end + more for end in ends for more in (0, 1) if end + more > now})
        self.leap([now + DAY // 2, *moments][pick % (1 + len(moments))])
        self.count("wait")

    @precondition(lambda self: self.state == POSTED)
    @rule()
    def look(self) -> None:
        """Long after it was posted, or even after its window."""
        self.watch()

    # Who is registered.

    def leave(self, number: int) -> None:
        operator, node = self.own.pairs[number]
        self.own.reputation.retire(node, sender=operator)
        begun, _ = self.stays[number][-1]
        self.stays[number][-1] = begun, boa.env.timestamp
        self.count("leave")

    @rule(pick=PICKS, is_leaving=RARELY)
    def move(self, pick: int, is_leaving: bool) -> None:
        """One comes back, if one can; else one may leave."""
        now = boa.env.timestamp
        left = [stays[-1][1] for stays in self.stays]
        back = [n for n, at in enumerate(left) if at is not None and now >= at + REJOIN_SECONDS]
        here = [n for n, at in enumerate(left) if at is None]
        if back:
            number = back[pick % len(back)]
            self.own.join(self.own.pairs[number][0], f"node {number}")
            self.stays[number].append((now, None))
            self.count("come back")
        elif here and is_leaving:
            self.leave(here[pick % len(here)])

    # Epochs and roots.

    @rule(back=st.integers(-1, 3))
    def open_any(self, back: int) -> None:
        """An epoch before or after the one that is due; nearly all are refused."""
        self.open(self.own.running - back)

    def open(self, epoch: int) -> None:
        was_open = self.state == OPEN
        is_done = self.step(
            "open", lambda: self.own.reward.open(epoch), lambda: self.model.open(epoch)
        )
        if is_done and was_open:
            self.count("open (lapsed)")
        if is_done and not self.model.flight.budget:
            self.count("open (unfunded)")

    def open_due(self) -> None:
        """Open the epoch that is due; wait for one if none is."""
        model = self.model
        if self.state == OPEN and not model.is_late(model.flight.epoch):
            return
        epoch = model.flight.epoch + 1
        while model.is_late(epoch):
            epoch += 1
        self.leap(model.end(epoch))
        self.open(epoch)

    @rule(plan=PLANS, is_watched=st.booleans())
    def turn(self, plan: Plan, is_watched: bool) -> None:
        """What nearly always happens: a root stood, the next one is posted and looked at."""
        if self.state == POSTED:
            self.stand()
        self.ready(plan)
        if is_watched:
            self.watch()

    @rule(plan=PLANS, picks=st.lists(PICKS, min_size=1, max_size=6))
    def delay(self, plan: Plan, picks: list[int]) -> None:
        """Somebody burns bonds: wrong roots, one after another, and each is proven."""
        if self.state == POSTED:
            self.stand()
        self.catch(plan, picks)

    def catch(self, plan: Plan, picks: list[int]) -> None:
        for pick in picks:
            self.ready(plan._replace(is_honest=False, pick=pick))
            self.watch()

    def stand(self) -> None:
        """Let a window pass; only what is over the budget can then be proven, the rest is final."""
        self.leap(self.model.challengeable_until() + 1)
        self.watch()
        if self.state == POSTED:
            self.finish()

    def ready(self, plan: Plan) -> None:
        """See to it that a root is posted."""
        if self.state == POSTED:
            return
        if self.model.fund < GRANT // 4 and not self.is_poor:
            self.grant(GRANT)
        self.open_due()
        proposer = self.proposers[plan.who]
        if not self.model.can_post(proposer):
            self.deposit(proposer)
        self.post(plan)

    @rule(plan=PLANS)
    def lapse(self, plan: Plan) -> None:
        """Nobody posts until it is too late; the budget goes on to the next epoch, not before."""
        if self.state == POSTED:
            self.stand()
        model = self.model
        due = model.flight.epoch + (self.state != OPEN)
        # From here on two epochs can be posted.
        self.leap(model.end(due + 1))
        self.open(due + 1)
        self.open_due()
        self.open(model.flight.epoch + 1)
        self.leap(model.deadline(model.flight.epoch) + 1)
        self.post(plan)
        self.open_due()

    @precondition(lambda self: self.state == OPEN)
    @rule(plan=PLANS)
    def post_any(self, plan: Plan) -> None:
        """A root of somebody who may have no bond, or too late."""
        self.post(plan)

    def post(self, plan: Plan) -> None:
        own, model = self.own, self.model
        case, kind, cheat = self.case(plan.deeds), "", None
        tree, more = case.of(case.works), {}
        if not plan.is_honest:
            kind, cheat = KINDS.cheat(case, KINDS_IN_TURN[self.next_kind], plan.pick)
            tree, more = cheat.tree, cheat.header
            self.next_kind = (KINDS_IN_TURN.index(kind) + 1) % len(KINDS_IN_TURN)
        proposer = self.proposers[plan.who]
        header = Header(tree.top.hashed, tree.top.sums, len(tree.leaves), INPUTS, proposer)
        header = header._replace(**more)
        epoch = model.flight.epoch
        if self.step(
            "post",
            lambda: own.reward.post(epoch, *header[:4], URI, sender=proposer),
            lambda: model.post(header),
        ):
            self.root = Root(tree, header, cheat, kind)

    @rule(plan=PLANS, more=st.sampled_from((None, 0, 1, 1)), place=PICKS, height=st.integers(0, 4))
    def finalise(self, plan: Plan, more: int | None, place: int, height: int) -> None:
        """At any time, in the last second of the window, or in the one after; then pay a run."""
        self.ready(plan)
        epoch = self.model.flight.epoch
        if more is not None:
            self.leap(self.model.challengeable_until() + more)
        self.finish()
        # INV-W7: nothing is paid before.
        self.pay_run(epoch, place, height)

    def finish(self) -> None:
        own, model, root = self.own, self.model, self.root
        epoch = model.flight.epoch
        if self.step("finalise", lambda: own.reward.finalise(epoch, root.header), model.finalise):
            self.paid[epoch] = Paid(root)
            assert own.reward.root(epoch) == root.tree.seal
            if not root.is_sound:
                self.count("finalise (unsound)")
                self.forget()
            elif root.cheat:
                self.count("finalise (wrong)")

    def forget(self) -> None:
        """INV-W5: once nothing follows from a tree in no order, honest roots are safe again.

        Each second one is forgotten, at once, which nobody but the owner can do, and once.
        """
        own, model = self.own, self.model
        if len(self.paid) % 2:
            return
        for who in ("guardian", "owner", "owner"):
            sender = getattr(own, who)
            self.step(
                f"forget ({who})",
                lambda sender=sender: own.reward.forget_levels(sender=sender),
                lambda sender=sender: model.forget(sender),
            )

    @abstractmethod
    def grant(self, amount: int) -> None:
        """Fill the fund."""

    @abstractmethod
    def deposit(self, proposer: str) -> None:
        """Give the next root a bond."""

    @abstractmethod
    def pay_run(self, epoch: int, place: int, height: int) -> None:
        """Pay some leaves of an epoch, if it is final."""
