# SPDX-License-Identifier: Apache-2.0
"""What the dispute contract does to pending money, at random."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.contracts.stateful.comparison import Comparison
from tests.model.payment_model import STAKE

AMOUNTS = st.one_of(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(0, 9))
PICKS = st.integers(0, 2**16)
RARELY = st.sampled_from((False,) * 7 + (True,))


class DisputeSteps(Comparison):
    """Holds, refunds and credits, within what INV-D10 lets the dispute contract ask for."""

    def _in_bucket(self, number: int) -> tuple[int, int] | None:
        """Return a session and a bucket of its router and card that has money."""
        router, version, bucket = list(self.model.buckets)[number % len(self.model.buckets)]
        keys = [
            key
            for key, session in self.model.sessions.items()
            if (session.router, session.version) == (router, version)
        ]
        return (keys[number % len(keys)], bucket) if keys else None

    @precondition(lambda self: self.model.buckets)
    @rule(number=PICKS, amount=AMOUNTS)
    def hold(self, number, amount):
        found = self._in_bucket(number)
        if found is None:
            return
        held = self.both(
            "hold",
            lambda: self.payment.hold(*found, amount, sender=self.protocol.dispute),
            lambda: self.model.hold(*found, amount),
        )
        if held:
            self.successes["hold (something)"] += 1

    @precondition(lambda self: self.model.buckets)
    @rule(number=PICKS, too_much=RARELY)
    def unhold(self, number, too_much):
        found = self._in_bucket(number)
        if found is None:
            return
        amount = self.model.held_for(*found) + too_much
        self.both(
            "unhold",
            lambda: self.payment.unhold(*found, amount, sender=self.protocol.dispute),
            lambda: self.model.unhold(*found, amount),
        )

    @precondition(lambda self: self.model.buckets)
    @rule(number=PICKS, part=st.sampled_from((1, 2, 3)))
    def refund(self, number, part):
        """INV-P8: money of a bucket goes back to the session that moved it there."""
        found = self._in_bucket(number)
        if found is None or self.model.sessions[found[0]].funding == STAKE:
            return
        # As the dispute contract does (INV-D10): no more than its own.
        amount = self.model.own_in_bucket(*found) // part
        self.touched.add(found[0])
        taken = self.both(
            "refund",
            lambda: self.payment.refund(*found, amount, sender=self.protocol.dispute),
            lambda: self.model.refund(*found, amount),
        )
        if taken:
            self.successes["refund (something)"] += 1

    @precondition(lambda self: any(s.state == "closed" for s in self.model.sessions.values()))
    @rule(number=PICKS, amount=st.integers(1, 500))
    def credit(self, number, amount):
        closed = [k for k, s in self.model.sessions.items() if s.state == "closed"]
        key = closed[number % len(closed)]
        self.touched.add(key)
        chain = self.protocol
        chain.cor.transfer(chain.dispute, amount, sender=chain.deployer)
        chain.cor.approve(self.payment, amount, sender=chain.dispute)
        self.both(
            "credit",
            lambda: self.payment.credit(key, amount, sender=chain.dispute),
            lambda: self.model.credit(key, amount, chain.dispute),
        )
