# SPDX-License-Identifier: Apache-2.0
"""Taking each step on chain and in the reference model, and what must hold after every one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boa
from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CHAIN_ID,
    CHALLENGE_WINDOW_SECONDS,
    SETTLE_WINDOW_SECONDS,
    Protocol,
    travel,
)
from tests.model.anchor_model import AnchorModel
from tests.model.payment_model import Card, PaymentModel, Refused

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

DAY = 86_400
URI = "ipfs://batch"
CODES = {"open": 1, "closing": 2, "closed": 3}
FULL_CHECK_EVERY = 6


class Comparison(RuleBasedStateMachine):
    """Takes steps twice and compares; `PaymentMachine` adds the steps.

    Subclasses set `protocol`. `successes` counts the steps that were not refused, by name, over
    all examples of a class, `attempts` all steps that can be refused.
    """

    protocol: Protocol
    successes: Counter[str]
    attempts: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self._undo = boa.env.anchor()
        self._undo.__enter__()
        chain = self.protocol
        self.payment, self.table, self.anchor = chain.payment, chain.table, chain.anchor
        self.anchor.authorise(self.payment, True, sender=chain.stranger)
        self.model = PaymentModel(
            settle_window=SETTLE_WINDOW_SECONDS,
            challenge_window=CHALLENGE_WINDOW_SECONDS,
            bucket_seconds=BUCKET_SECONDS,
            now=boa.env.timestamp,
            settlers={1: chain.settler, 2: chain.other_settler},
            anchor=AnchorModel(CHAIN_ID, self.anchor.address, URI),
            cards=[self._card(1)],
        )
        self.batches: list[tuple[str, int, int, bytes, list[tuple[int, int]]]] = []
        self.touched: set[int] = set()
        self.highest: dict[int, int] = {}
        self.known_pots = [0, 0, 0]
        self.steps = 0

    # Taking a step twice.

    def both(self, name: str, on_chain: Callable[[], Any], in_model: Callable[[], Any]) -> Any:
        """Take a step on chain and in the model; both give the same value or the same reason."""
        self.attempts[name] += 1
        try:
            expected = in_model()
        except Refused as refused:
            with boa.reverts(str(refused)):
                on_chain()
            return None
        assert on_chain() == expected
        self.successes[name] += 1
        return expected

    def pick(self, number: int) -> int:
        """Return a known session, or one that nobody opened."""
        keys = [*self.model.sessions, *self.model.sessions, 1 << 128 | 7]
        key = keys[number % len(keys)]
        self.touched.add(key)
        return key

    def _card(self, version: int) -> Card:
        node_bps, validator_bps = self.table.shares(version)
        return Card(self.table.effective_at(version), node_bps, validator_bps)

    def _wait(self, seconds: int) -> None:
        travel(seconds)
        self.model.now += seconds

    # What holds after every step.

    @invariant()
    def same_sums(self):
        """INV-P1, INV-P6: the balance covers everything owed; pending sums up."""
        self.steps += 1
        pending = []
        for router in self.model.settlers:
            settler, wei = self.payment.router(router)
            assert settler == self.model.settlers[router]
            assert wei == self.model.pending_of(router)
            pending.append(wei)
        if self.model.pots != self.known_pots or self.steps % FULL_CHECK_EVERY == 0:
            self.known_pots = [self.payment.pot(pot)[0] for pot in range(3)]
            assert self.known_pots == self.model.pots
        owed = self.model.left_in_sessions() + sum(pending) + sum(self.known_pots)
        assert self.protocol.cor.balanceOf(self.payment) == owed + self.model.unasked

    @invariant()
    def same_sessions(self):
        """INV-P2: what a step touched is as in the model; every few steps, all is."""
        keys, self.touched = self.touched, set()
        if self.steps % FULL_CHECK_EVERY == 0:
            keys = set(self.model.sessions)
            self.check_logs()
        for key in keys:
            self.check_session(key)

    def check_session(self, key: int) -> None:
        """Compare a session; its settled total never fell and is within its deposit."""
        facts = self.payment.session(key)
        session = self.model.sessions.get(key)
        if session is None:
            assert facts.state == 0
            return
        assert (facts.payer, facts.deposit, facts.settled, facts.expiry) == (
            session.payer,
            session.deposit,
            session.settled,
            session.expiry,
        )
        assert (facts.state, facts.version) == (CODES[session.state], session.version)
        assert facts.volume_tier == session.volume_tier
        assert key >> 128 == session.router
        assert self.highest.get(key, 0) <= facts.settled <= facts.deposit
        self.highest[key] = facts.settled

    def check_logs(self) -> None:
        """INV-A1, INV-A2: each log is the model's, batch by batch, and its head chains it."""
        for anchorer, log in self.model.anchor.logs.items():
            assert self.anchor.head(anchorer) == self.model.anchor.head(anchorer)
            for number, batch in enumerate(log, start=1):
                known = self.anchor.batch(anchorer, batch.root)
                assert known == (batch.anchored_at, batch.count, number)

    def teardown(self) -> None:
        """INV-P5: at the end everybody leaves, all paused; only unasked tokens stay."""
        try:
            self.check_logs()
            self.everybody_leaves()
        finally:
            self._undo.__exit__(None, None, None)

    def everybody_leaves(self) -> None:
        """Withdraw, release and pay everything, with deposits and settlement paused."""
        self.payment.set_pause(True, True, sender=self.protocol.guardian)
        ends = [s.expiry for s in self.model.sessions.values()]
        self._wait(max([*ends, self.model.now]) - self.model.now + 40 * DAY)
        for key in list(self.model.sessions):
            self.check_session(key)
            if self.model.sessions[key].deposit > self.model.sessions[key].settled:
                assert self.payment.withdraw(key) == self.model.withdraw(key)
        for router, version, bucket in list(self.model.pending):
            self.payment.release(router, version, bucket, sender=self.protocol.stranger)
            self.model.release(router, version, bucket)
        for pot in range(3):
            if self.model.pots[pot]:
                self.payment.pay_pot(pot, sender=self.protocol.stranger)
                self.model.pay_pot(pot)
        assert self.protocol.cor.balanceOf(self.payment) == self.model.unasked
        self.same_sums()
