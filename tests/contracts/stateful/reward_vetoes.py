# SPDX-License-Identifier: Apache-2.0
"""Vetoes at random: by whom and when they are announced, cancelled and executed."""

from __future__ import annotations

from typing import NamedTuple

import boa
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contracts.rewards import BURN_ADDRESS, DAY
from tests.contracts.stateful.reward_steps import PLANS, Plan, RewardSteps
from tests.model.epochs_model import POSTED

ROLES = ("owner", "stranger")


class Way(NamedTuple):
    """How a veto goes: `late` after the window's last second, `more` after the delay, if at all."""

    announced_by: str = "guardian"
    late: int | None = None
    cancelled_by: str | None = None
    more: int | None = 0
    by: str = "guardian"


#: Each that should be tried, with what comes of it.
WAYS = (
    Way(),  # overthrown
    Way(cancelled_by="owner"),
    Way(late=1),  # too late to announce
    Way(late=0, more=DAY),  # overthrown in the last second, after the window
    Way(cancelled_by="guardian", late=0),
    Way(more=-1),  # waits
    Way(late=0, more=DAY + 1),  # lapsed
    Way(cancelled_by="stranger"),  # overthrown all the same
    Way(announced_by="owner", more=None),
    Way(by="owner"),
    Way(late=0),  # overthrown after the window
    Way(by="stranger", more=DAY),
)
ANY = st.builds(
    Way,
    st.sampled_from(("guardian",) * 6 + ROLES),
    st.sampled_from((None, 0, 1)),
    st.sampled_from((None,) * 4 + ("guardian", *ROLES)),
    st.sampled_from((0, DAY, -1, DAY + 1, None)),
    st.sampled_from(("guardian",) * 6 + ROLES),
)


class RewardVetoes(RewardSteps):
    """INV-W11: what a guardian may do, and nobody else; the owner may cancel it.

    The test begins by saying which way comes next.
    """

    next_way: int

    @rule(plan=PLANS, is_next=st.booleans(), way=st.none() | ANY)
    def veto_any(self, plan: Plan, is_next: bool, way: Way | None) -> None:
        """Of a root that has just been posted or was there; in any way, or in the next one."""
        if is_next and self.state == POSTED:
            self.stand()
        if way is None:
            self.veto_in_turn(plan)
        else:
            self.veto(plan, way)

    def veto_in_turn(self, plan: Plan) -> None:
        self.veto(plan, WAYS[self.next_way])
        self.next_way = (self.next_way + 1) % len(WAYS)

    def veto(self, plan: Plan, way: Way) -> None:
        self.ready(plan)
        if way.late is not None:
            self.leap(self.model.flight.until + way.late)
        self.announce(way.announced_by)
        if way.cancelled_by:
            self.cancel(way.cancelled_by)
        if way.more is not None:
            self.leap(self.model.flight.veto_at + way.more)
        self.execute(way.by)

    def announce(self, by: str) -> None:
        own, epoch, sender = self.own, self.model.flight.epoch, getattr(self.own, by)
        self.step(
            "announce",
            lambda: own.reward.announce_veto(epoch, "", sender=sender),
            lambda: self.model.announce_veto(sender),
        )

    def cancel(self, by: str) -> None:
        own, epoch, sender = self.own, self.model.flight.epoch, getattr(self.own, by)
        self.step(
            f"cancel ({by})",
            lambda: own.reward.cancel_veto(epoch, sender=sender),
            lambda: self.model.cancel_veto(sender),
        )

    def execute(self, by: str) -> None:
        own, model = self.own, self.model
        epoch, header, sender = model.flight.epoch, self.root.header, getattr(own, by)
        before = own.holdings(BURN_ADDRESS, own.treasury)
        is_late = boa.env.timestamp > model.flight.until
        taken = 0

        def in_model() -> None:
            nonlocal taken
            taken = model.execute_veto(sender)

        if self.step(
            "veto",
            lambda: own.reward.execute_veto(epoch, header, sender=sender),
            in_model,
        ):
            self.check_slashed(before, own.treasury, taken)
            self.has[own.treasury] = own.cor.balanceOf(own.treasury)
            self.successes["veto (after the window)"] += is_late
