# SPDX-License-Identifier: Apache-2.0
"""Taking each step on chain and in the reference model, and what must hold after every one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import boa
from eth_utils import keccak
from hypothesis.stateful import invariant

from tests.contracts.protocol import (
    APPEAL_SECONDS,
    BUCKET_SECONDS,
    CHAIN_ID,
    CHALLENGE_WINDOW_SECONDS,
    COOLDOWN_SECONDS,
    COVER_BPS,
    MIN_BOND,
    NODE_STAKE,
    QUOTA_CAP,
    QUOTA_RATES,
    SETTLE_WINDOW_SECONDS,
    SLASH_CAP_BPS,
    SPENDING_LIMIT,
    ZERO_ADDRESS,
    Protocol,
    travel,
    word,
)
from tests.contracts.stateful.running import CountingMachine
from tests.model.anchor_model import AnchorModel
from tests.model.payment_model import Card, PaymentModel
from tests.model.payment_model import Refused as PaymentRefused
from tests.model.pool_model import PoolModel, Rules
from tests.model.pool_model import Refused as PoolRefused
from tests.model.quota_model import MICRO, QuotaModel
from tests.model.quota_model import Refused as QuotaRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 86_400
URI = "ipfs://batch"
CODES = {"open": 1, "closing": 2, "closed": 3}
FULL_CHECK_EVERY = 6


class Comparison(CountingMachine):
    """Takes steps twice and compares; `PaymentMachine` adds the steps.

    `protocol` is given by the test.
    """

    protocol: Protocol
    refusals = (PaymentRefused, PoolRefused, QuotaRefused)

    def __init__(self) -> None:
        super().__init__()
        chain = self.protocol
        self.payment, self.table, self.anchor = chain.payment, chain.table, chain.anchor
        self.pool, self.quota = chain.pool, chain.quota
        self.anchor.authorise(self.payment, True, sender=chain.stranger)
        self.pool_model = self._pool()
        self.quota_model = self._quota()
        self.model = PaymentModel(
            settle_window=SETTLE_WINDOW_SECONDS,
            challenge_window=CHALLENGE_WINDOW_SECONDS,
            bucket_seconds=BUCKET_SECONDS,
            now=boa.env.timestamp,
            settlers={1: chain.settler, 2: chain.other_settler},
            anchor=AnchorModel(CHAIN_ID, self.anchor.address, URI),
            cards=[self._card(1)],
            cover=self.pool_model.cover,
            draw=self._draw_in_model,
            restore=self._restore_in_model,
        )
        #: Who pays, by name; the first two have their purses from the protocol.
        self.people = {"payer": chain.payer, "other payer": chain.other_payer}
        for name in ("third payer", "fourth payer"):
            self.people[name] = boa.env.generate_address(name)
            chain.fund(self.people[name])
        self.pot_recipients = (chain.nodes, chain.validators, chain.treasury)
        watched = (*self.people.values(), *self.pot_recipients)
        self.purses = {who: chain.cor.balanceOf(who) for who in watched}
        self.staked: Counter[str] = Counter()
        self.batches: list[tuple[str, int, int, bytes, list[tuple[int, int]]]] = []
        self.touched: set[int] = set()
        self.highest: dict[int, int] = {}
        self.known_pots = [0, 0, 0]
        self.steps = 0

    # Taking a step twice.

    def new_root(self) -> bytes:
        """Return a root that no batch had."""
        return keccak(word(self.steps) + b"root")

    def check_skipped(self, moved: int | None) -> None:
        """Compare what the last settlement said it passed over."""
        if moved is None:
            return
        events = [e for e in self.payment.get_logs() if type(e).__name__ == "SettlementSkipped"]
        assert [(e.session, e.cumulative, e.reason) for e in events] == self.model.skipped

    def pick(self, number: int) -> int:
        """Return a known session, or one that nobody opened."""
        keys = [*self.model.sessions, *self.model.sessions, 1 << 128 | 7]
        key = keys[number % len(keys)]
        self.touched.add(key)
        return key

    def _pool(self) -> PoolModel:
        """Return the pool's model with the bonds that are there."""
        chain = self.protocol
        rules = Rules(
            cooldown=COOLDOWN_SECONDS,
            node_stake=NODE_STAKE,
            min_bond=MIN_BOND,
            cover_bps=COVER_BPS,
            cap_bps=SLASH_CAP_BPS,
            appeal=APPEAL_SECONDS,
            resolve=APPEAL_SECONDS,
        )
        settlers = {1: chain.settler, 2: chain.other_settler}
        model = PoolModel(
            rules=rules,
            now=boa.env.timestamp,
            owner=chain.owner,
            slasher=chain.slasher,
            treasury=chain.treasury,
            dispute=chain.dispute,
            settlers=settlers,
        )
        for router, settler in settlers.items():
            model.open_bond(router, settler, self.pool.position(router).amount, settler)
        return model

    def _quota(self) -> QuotaModel:
        """Return the quota's model, empty."""
        return QuotaModel(
            now=boa.env.timestamp,
            cooldown=COOLDOWN_SECONDS,
            rates=[(0, QUOTA_RATES)],
            cap=QUOTA_CAP,
            limit=SPENDING_LIMIT // MICRO,
        )

    def _draw_in_model(
        self, router: int, work_at: int, totals: Sequence[tuple[int, int]]
    ) -> tuple[int, int]:
        del router
        free, overage = self.quota_model.draw(work_at, list(totals))
        return free * MICRO, overage * MICRO

    def _restore_in_model(self, key: int, amount: int) -> None:
        self.quota_model.sweep()
        self.quota_model.restore(key, amount // MICRO)

    def _card(self, version: int) -> Card:
        node_bps, validator_bps = self.table.shares(version)
        return Card(self.table.effective_at(version), node_bps, validator_bps)

    def _wait(self, seconds: int) -> None:
        travel(seconds)
        for model in (self.model, self.pool_model, self.quota_model):
            model.now += seconds

    # What holds after every step.

    @invariant()
    def same_sums(self):
        """INV-P1, INV-P6, INV-P7: the balance covers everything owed; pending sums up."""
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
        # What a release left frozen is in its bucket, and in no router's total.
        left = sum(self.model.buckets.get(slot, 0) for slot in self.model.left)
        owed = self.model.left_in_sessions() + sum(pending) + left + sum(self.known_pots)
        balance = self.protocol.cor.balanceOf(self.payment)
        assert balance + self.quota_model.due * MICRO == owed + self.model.unasked

    @invariant()
    def one_purse(self):
        """INV-P5: somebody has what it put in and got out left, to the wei; another each step."""
        self.check_purse(list(self.purses)[self.steps % len(self.purses)])

    def check_purse(self, who: str) -> None:
        """Compare an account's tokens with what it paid and was paid, in all contracts."""
        pots = zip(self.pot_recipients, self.model.paid, strict=True)
        expected = (
            self.purses[who]
            - self.model.spent.get(who, 0)
            + sum(paid for recipient, paid in pots if recipient == who)
            - self.staked[who]
            - self.pool_model.spent[who]
            + self.pool_model.received[who]
        )
        assert self.protocol.cor.balanceOf(who) == expected

    @invariant()
    def same_moves(self):
        """INV-P9: the newest bucket's digest is of its moves; every few steps, all are."""
        slots = list(self.model.buckets)
        for slot in slots if self.steps % FULL_CHECK_EVERY == 0 else slots[-1:]:
            assert self.payment.moves_digest(*slot) == self.model.moves.digest(*slot)
            assert self.payment.pending(*slot) == self.model.buckets[slot]
            assert self.payment.held(*slot) == self.model.holds.get(slot, 0)

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
        assert (facts.funding, facts.session_key) == (session.funding, session.key or ZERO_ADDRESS)
        assert facts.volume_tier == session.volume_tier
        assert key >> 128 == session.router
        assert self.highest.get(key, 0) <= facts.settled <= facts.deposit
        self.highest[key] = facts.settled

    def check_logs(self) -> None:
        """INV-A1, INV-A2: each log is the model's, batch by batch, and its head chains it."""
        for anchorer, log in self.model.anchor.logs.items():
            assert self.anchor.head(anchorer) == self.model.anchor.head(anchorer)
            stored = {
                batch.root: (batch.anchored_at, batch.count, number)
                for number, batch in enumerate(log, start=1)
                if not batch.is_told
            }
            for batch in log:
                known = self.anchor.batch(anchorer, batch.root)
                assert known == stored.get(batch.root, (0, 0, 0))

    def everybody_leaves(self) -> None:
        """INV-P5: withdraw, release and pay everything, with all paused."""
        self.check_logs()
        self.payment.set_pause(True, True, sender=self.protocol.guardian)
        ends = [s.expiry for s in self.model.sessions.values()]
        self._wait(max([*ends, self.model.now]) - self.model.now + 40 * DAY)
        for key in list(self.model.sessions):
            self.check_session(key)
            if self.model.sessions[key].deposit > self.model.sessions[key].settled:
                assert self.payment.withdraw(key) == self.model.withdraw(key)
        for (router, version, bucket), held in list(self.model.holds.items()):
            # Every demand ends some day; then nothing is frozen.
            key = next(
                key
                for key, session in self.model.sessions.items()
                if (session.router, session.version) == (router, version)
            )
            self.payment.unhold(key, bucket, held, sender=self.protocol.dispute)
            self.model.unhold(key, bucket, held)
        for router, version, bucket in list(self.model.buckets):
            self.payment.release(router, version, bucket, sender=self.protocol.stranger)
            self.model.release(router, version, bucket)
        for pot in range(3):
            if self.model.pots[pot]:
                self.quota_model.sweep()
                self.payment.pay_pot(pot, sender=self.protocol.stranger)
                self.model.pay_pot(pot)
        self.payment_is_empty()
        self.same_sums()
        for who in self.purses:
            self.check_purse(who)

    def payment_is_empty(self) -> None:
        """Only unasked tokens stay once everything was released and paid."""
        assert self.protocol.cor.balanceOf(self.payment) == self.model.unasked
