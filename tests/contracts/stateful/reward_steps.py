# SPDX-License-Identifier: Apache-2.0
"""Epochs open, are posted, fall or stay: the steps of proposers, watchers, guardian and owner."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import boa
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.contracts.reward_watch import Attempt, attempts, refusal, succeeds
from tests.contracts.rewards import BURN_ADDRESS, DAY, GRANT, INPUTS, URI, Header
from tests.contracts.stateful.reward_cheats import BUDGET, KINDS, NEW, PRIOR, Cheat
from tests.contracts.stateful.reward_comparison import (
    REJOIN_SECONDS,
    SIZES,
    Paid,
    RewardComparison,
    Root,
)
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


class RewardSteps(RewardComparison):
    """One epoch after the other."""

    @initialize(
        stays=st.sampled_from((5, 7, 8, 6, 3, 5, 8, 4, 2, 1, 0)),
        first=st.integers(0, 7),
        refused=st.integers(0, len(SIZES) - 1),
        way=st.integers(1, 2),
        kind=st.just(0) | st.integers(0, len(KINDS_IN_TURN) - 1),
        is_poor=RARELY,
    )
    def begin(
        self, stays: int, first: int, refused: int, way: int, kind: int, is_poor: bool
    ) -> None:
        """Some nodes leave before the first epoch; a token that reverts or says no.

        Nobody fills the fund of the poor, but for a rule that does so now and then. Cheats come in
        turn from the first one drawn, so that each has about as many.
        """
        own = self.own
        self.next_kind = kind
        self.is_poor = is_poor
        self.refused = self.operators[refused]
        own.cor.set_way(self.refused, way)
        for number in range(stays, len(own.pairs)):
            self.leave((first + number) % len(own.pairs))
        own.end_epoch()

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
        for pick in picks:
            self.ready(plan._replace(is_honest=False, pick=pick))
            self.watch()

    def stand(self) -> None:
        """Make what is posted final, or show that it is too much."""
        flight = self.model.flight
        if flight.allotted > flight.budget:
            self.watch()
        else:
            self.leap(self.model.challengeable_until() + 1)
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
        """Nobody posts until it is too late; the budget goes on to the next epoch."""
        if self.state == POSTED:
            self.stand()
        self.open_due()
        self.leap(self.model.deadline(self.model.flight.epoch) + 1)
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
            elif root.cheat:
                self.count("finalise (wrong)")

    # Roots that fall.

    @precondition(lambda self: self.state == POSTED)
    @rule(is_late=RARELY)
    def look(self, is_late: bool) -> None:
        """Long after it was posted, or even after its window."""
        if is_late:
            self.leap(self.model.challengeable_until() + 1)
        self.watch()

    def watch(self) -> None:
        """Look at a root as a watcher does; at an honest one once."""
        if self.root.cheat:
            self.convict(self.root.cheat)
        elif not self.root.is_acquitted and boa.env.timestamp <= self.model.challengeable_until():
            self.acquit()

    def tries(self) -> list[Attempt]:
        """Return all that the tree's data allow; of levels only if the last tree was in order."""
        root, last = self.root, self.last()
        found = attempts(root.tree, root.header, self.own.pairs, last.tree if last else None)
        is_known = last is None or last.is_sound
        return [one for one in found if is_known or one.name not in (PRIOR, NEW)]

    def acquit(self) -> None:
        """INV-W5: nothing can be proven against an honest root."""
        epoch, header = self.model.flight.epoch, self.root.header
        for one in self.tries():
            assert not succeeds(self.own, epoch, header, one), one
        self.root.is_acquitted = True
        self.count("acquit")

    def convict(self, cheat: Cheat) -> None:
        """INV-W6: one call proves a wrong root, and no second one does."""
        own, model, root = self.own, self.model, self.root
        epoch, flight = model.flight.epoch, model.flight
        is_late = boa.env.timestamp > model.challengeable_until()
        is_over = flight.allotted > flight.budget
        proofs = {BUDGET} if is_late and is_over else cheat.proofs
        fitting = [*cheat.more, *(one for one in self.tries() if one.name in proofs)]
        if is_late and not is_over:
            reasons = [refusal(own, epoch, root.header, one) for one in fitting]
            # It is not for the proof that it is refused.
            assert "reward: window is over" in reasons
            assert None not in reasons
            self.count("convict (late)")
            return
        before = own.holdings(BURN_ADDRESS, own.challenger)
        taken = model.overthrow()
        landed = next(
            (one for one in fitting if refusal(own, epoch, root.header, one) is None), None
        )
        assert landed, f"no proof of {root.kind}"
        assert refusal(own, epoch, root.header, landed) == "posted: other header"
        self.check_slashed(before, own.holdings(BURN_ADDRESS, own.challenger), taken)
        self.count(f"convict of {root.kind}")

    def check_slashed(self, before: list[int], after: list[int], taken: int) -> None:
        """INV-W9: half of what a bond lost was burnt, with the odd wei."""
        gained = [now - was for now, was in zip(after, before, strict=True)]
        assert gained == [taken - taken // 2, taken // 2]

    @rule(
        plan=PLANS,
        is_next=st.booleans(),
        by=st.sampled_from(("guardian", "guardian", "guardian", "owner", "stranger")),
        then=st.sampled_from(("guardian", "owner", "stranger", None)),
    )
    def announce(self, plan: Plan, is_next: bool, by: str, then: str | None) -> None:
        """INV-W11: a veto is said once a root, and taken back by two."""
        if is_next and self.state == POSTED:
            self.stand()
        self.ready(plan)
        self.say(by)
        if then:
            own, epoch, sender = self.own, self.model.flight.epoch, getattr(self.own, then)
            self.step(
                f"cancel ({then})",
                lambda: own.reward.cancel_veto(epoch, sender=sender),
                lambda: self.model.cancel_veto(sender),
            )

    def say(self, by: str) -> None:
        own, epoch, sender = self.own, self.model.flight.epoch, getattr(self.own, by)
        self.step(
            "announce",
            lambda: own.reward.announce_veto(epoch, "", sender=sender),
            lambda: self.model.announce_veto(sender),
        )

    @rule(
        plan=PLANS,
        by=st.sampled_from(("guardian",) * 5 + ("owner", "stranger")),
        late=st.sampled_from((None, 0, 1)),
        more=st.sampled_from((0, 0, DAY, DAY, -1, DAY + 1, None)),
    )
    def veto(self, plan: Plan, by: str, late: int | None, more: int | None) -> None:
        """INV-W11: said in the window, done after the delay and before it lapses; or not said."""
        self.ready(plan)
        own, model = self.own, self.model
        epoch, header, sender = model.flight.epoch, self.root.header, getattr(own, by)
        if more is not None:
            if late is not None:
                self.leap(model.flight.until + late)
            self.say("guardian")
            self.leap(model.flight.veto_at + more)
        before = own.holdings(BURN_ADDRESS, own.treasury)
        taken = 0

        def in_model() -> None:
            nonlocal taken
            taken = model.execute_veto(sender)

        is_late = boa.env.timestamp > model.flight.until
        if self.step(
            "veto",
            lambda: own.reward.execute_veto(epoch, header, sender=sender),
            in_model,
        ):
            self.check_slashed(before, own.holdings(BURN_ADDRESS, own.treasury), taken)
            self.has[own.treasury] += taken // 2
            self.successes["veto (after the window)"] += is_late

    def grant(self, amount: int) -> None:
        """Fill the fund."""
        raise NotImplementedError

    def deposit(self, proposer: str) -> None:
        """Give the next root a bond."""
        raise NotImplementedError

    def pay_run(self, epoch: int, place: int, height: int) -> None:
        """Pay some leaves of an epoch, if it is final."""
        raise NotImplementedError
