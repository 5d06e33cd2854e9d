# SPDX-License-Identifier: Apache-2.0
"""What watchers and liars do about a posted root: all proofs fail, or one lands."""

from __future__ import annotations

from itertools import islice

import boa

from tests.contracts.reward_watch import Attempt, attempts, lies, refusal, succeeds
from tests.contracts.rewards import BURN_ADDRESS
from tests.contracts.stateful.reward_cheats import BUDGET, NEW, PRIOR, Cheat
from tests.contracts.stateful.reward_comparison import RewardComparison

#: One of so many lies is tried.
LIES = 3


class RewardTrials(RewardComparison):
    """INV-W5 and INV-W6, whoever posted what."""

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
        """INV-W5: nothing can be proven against an honest root, nor pieced together."""
        epoch, header, last = self.model.flight.epoch, self.root.header, self.last()
        found = self.tries()
        pieced = lies(found, self.root.tree, last.tree if last and last.is_sound else None)
        # A part of so many, and in each epoch another.
        for one in [*found, *islice(pieced, epoch % LIES, None, LIES)]:
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
        taken = model.overthrow(own.challenger)
        landed = next(
            (one for one in fitting if refusal(own, epoch, root.header, one) is None), None
        )
        assert landed, f"no proof of {root.kind}"
        assert refusal(own, epoch, root.header, landed) == "posted: other header"
        self.check_slashed(before, own.challenger, taken)
        self.count(f"convict of {root.kind}")

    def check_slashed(self, before: list[int], to: str, taken: int) -> None:
        """INV-W9: half of what a bond lost was burnt, with the odd wei; or it was credited."""
        halves = {BURN_ADDRESS: taken - taken // 2, to: taken // 2}
        for (payee, half), was in zip(halves.items(), before, strict=True):
            is_refused = payee in self.model.refused
            assert self.own.cor.balanceOf(payee) == was + (0 if is_refused else half)
            assert self.own.reward.credit(payee) == self.model.credits.get(payee, 0)
            self.successes["slash (credited)"] += is_refused
