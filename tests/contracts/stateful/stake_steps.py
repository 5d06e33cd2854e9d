# SPDX-License-Identifier: Apache-2.0
"""The steps of bonded routers and of users who pay by stake, beside the escrow's own."""

from __future__ import annotations

import copy

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.contracts.protocol import COR, StakeBatch, item, word
from tests.contracts.stateful.comparison import DAY, URI
from tests.contracts.stateful.machine import PAYERS, PICKS, RARELY, PaymentMachine
from tests.model.payment_model import STAKE, Session
from tests.model.quota_model import MICRO

PROFILES = st.sampled_from((0, 0, 4, 16, 27))
STAKES = st.sampled_from((1, 7, 40, 400, 1_000))
# A draw relative to what is free: within it, all of it, beyond it, far beyond.
DRAWS = st.sampled_from(("some", "some", "some", "all", "beyond", "far", "again"))
FAR_EXPIRY = 2**40 - 1


class MoneyMachine(PaymentMachine):
    """Escrow, stake pool, stake quota, table and token, used by many at random."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: dict[int, str] = {}
        self.drawn_batches: list[tuple[str, int, int, bytes, list[tuple[int, int]], int]] = []

    # Bonds.

    @rule(router=st.sampled_from((1, 2)), amount=st.integers(1, 400))
    def slash_bond(self, router, amount):
        """Down to the last wei above the minimum, and below it: then nothing can be settled."""
        chain = self.protocol
        self.both(
            "slash_bond",
            lambda: self.pool.slash_bond(router, amount, chain.stranger, sender=chain.dispute),
            lambda: self.pool_model.slash_bond(router, amount, chain.stranger, chain.dispute),
        )

    @rule(router=st.sampled_from((1, 2)), amount=st.integers(0, 900))
    def add_bond(self, router, amount):
        payer = self.protocol.payer
        self.both(
            "add_bond",
            lambda: self.pool.stake(router, amount, sender=payer),
            lambda: self.pool_model.stake(router, amount, payer),
        )

    @rule(router=st.sampled_from((1, 2)), amount=st.integers(1, 300))
    def leave_bond(self, router, amount):
        owner = self.pool_model.positions[router].owner
        self.both(
            "leave_bond",
            lambda: self.pool.request_unstake(router, amount, sender=owner),
            lambda: self.pool_model.request_unstake(router, amount, owner),
        )

    @rule(router=st.sampled_from((1, 2)), is_waited_for=st.booleans())
    def withdraw_bond(self, router, is_waited_for):
        cooled_at = self.pool_model.positions[router].withdrawable_at
        if is_waited_for and cooled_at > self.model.now:
            self._wait(cooled_at - self.model.now)
        self.both(
            "withdraw_bond",
            lambda: self.pool.withdraw(router, sender=self.protocol.stranger),
            lambda: self.pool_model.withdraw(router),
        )

    # Stake sessions.

    @rule(
        payer=PAYERS,
        router=st.sampled_from((1, 1, 2)),
        profile=PROFILES,
        amount=STAKES,
    )
    def enrol(self, payer, router, profile, amount):
        account = self.people[payer]
        key = self.payment.session_id(account, router, word(profile))
        if key in self.accounts or self.model.opening_paused:
            return
        version = self.model.adopted
        session = Session(account, router, 0, FAR_EXPIRY, version, 0, STAKE)
        request = self.protocol.request(
            router_id=router,
            version=version,
            funding=STAKE,
            expiry=FAR_EXPIRY,
            amount=0,
            salt=word(profile),
        )
        self.both(
            "open (stake)",
            lambda: self.payment.open(request, sender=account),
            lambda: self.model.open(key, session),
        )
        self.quota.enrol(account, router, profile % 16, profile >= 16)
        self.quota_model.enrol(key, profile % 16, is_weekly=profile >= 16)
        self.accounts[key] = account
        self.add_stake(len(self.accounts) - 1, amount)

    @initialize(amounts=st.lists(STAKES, min_size=2, max_size=3))
    def enrol_some(self, amounts):
        """Some users whose stake counts already, and a pool to pay for them."""
        chain = self.protocol
        chain.cor.approve(self.quota, 2**256 - 1, sender=chain.deployer)
        self.quota.fund_pool(500 * COR, sender=chain.deployer)
        self.quota_model.pool_wei += 500 * COR
        for i, amount in enumerate(amounts):
            self.enrol(list(self.people)[i % 2], 1, (0, 4, 16)[i], amount)
        for number in range(len(self.accounts)):
            self.set_permission(number, 20, 0)
        self._wait(DAY)

    def _account(self, number: int) -> int:
        return list(self.accounts)[number % len(self.accounts)]

    @precondition(lambda self: self.accounts)
    @rule(number=PICKS, amount=STAKES)
    def add_stake(self, number, amount):
        """INV-Q4: it counts from the next window on."""
        key, payer = self._account(number), self.protocol.payer
        before = self.quota_model.accounts[key].stake
        self.both(
            "add_stake",
            lambda: self.quota.stake(key, amount * COR, sender=payer),
            lambda: self.quota_model.stake(key, amount * COR // MICRO),
        )
        self.staked[payer] += (self.quota_model.accounts[key].stake - before) * MICRO

    @precondition(lambda self: self.accounts)
    @rule(number=PICKS, part=st.sampled_from((1, 2, 3)), too_much=RARELY)
    def leave_stake(self, number, part, too_much):
        key = self._account(number)
        amount = self.quota_model.accounts[key].stake // part + too_much
        if amount == 0:
            return
        self.both(
            "leave_stake",
            lambda: self.quota.request_unstake(key, amount * MICRO, sender=self.accounts[key]),
            lambda: self.quota_model.request_unstake(key, amount),
        )

    @precondition(lambda self: any(a.leaving for a in self.quota_model.accounts.values()))
    @rule(number=PICKS, waits=st.booleans())
    def withdraw_stake(self, number, waits):
        """INV-Q5: to the payer, whoever calls."""
        leaving = [key for key, a in self.quota_model.accounts.items() if a.leaving]
        key = leaving[number % len(leaving)]
        if waits:
            until = self.quota_model.accounts[key].withdrawable_at
            self._wait(max(until - self.model.now, 0))
        paid = self.both(
            "withdraw_stake",
            lambda: self.quota.withdraw(key, sender=self.protocol.stranger),
            lambda: self.quota_model.withdraw(key) * MICRO,
        )
        self.staked[self.accounts[key]] -= paid or 0

    @precondition(lambda self: self.accounts)
    @rule(number=PICKS, limit=st.sampled_from((0, 1, 3, 20)), floor=st.sampled_from((0, 0, 5, 300)))
    def set_permission(self, number, limit, floor):
        key = self._account(number)
        owner = self.accounts[key]
        self.both(
            "set_permission",
            lambda: self.quota.set_permission(key, limit * COR, floor * COR, sender=owner),
            lambda: self.quota_model.set_permission(
                key, limit * COR // MICRO, floor * COR // MICRO
            ),
        )

    @precondition(lambda self: self.accounts)
    @rule(
        picks=st.lists(st.tuples(PICKS, DRAWS), min_size=1, max_size=4),
        ago=st.sampled_from((0, 0, 0, 3_600, DAY, 2 * DAY)),
    )
    def settle_stake(self, picks, ago):
        """INV-Q2, INV-Q3, INV-Q6, INV-Q7: as the model draws, to the micro-COR."""
        router = self._account(picks[0][0]) >> 128
        keys = [key for key in self.accounts if key >> 128 == router]
        work_at = self.model.now - ago
        totals = []
        for number, kind in picks:
            key = keys[number % len(keys)]
            totals.append((key, self._stake_total(key, kind, work_at)))
        sender = self.model.settlers[router]
        self._settle_stake(
            "settle_stake", (sender, router, self.model.adopted, self.new_root(), totals, work_at)
        )

    def _stake_total(self, key: int, kind: str, work_at: int) -> int:
        account = self.quota_model.accounts[key]
        left = max(self.quota_model.left(account, work_at // account.cadence), 0)
        more = {
            "again": 0,
            "some": left // 3 + 1,
            "all": left,
            "beyond": left + 10**6 // 2,
            "far": left + 50 * 10**6,
        }[kind]
        # Not whole micro-COR: the contract rounds a total up, once.
        return max((account.drawn + more) * MICRO - 1, 0)

    def _settle_stake(self, name, batch):
        sender, router, version, root, totals, work_at = batch
        self.touched.update(key for key, _ in totals)
        items = [item(key, total) for key, total in totals]
        sent = StakeBatch(router, version, work_at, root, len(totals), URI, items)
        before = copy.deepcopy(self.quota_model)

        def in_model():
            try:
                return self.model.settle_stake(
                    sender,
                    router,
                    version,
                    root=root,
                    count=len(totals),
                    totals=totals,
                    work_at=work_at,
                )
            except self.refusals:
                self.quota_model = before
                raise

        moved = self.both(name, lambda: self.payment.settle_stake(sent, sender=sender), in_model)
        if moved is None:
            return
        self.drawn_batches.append(batch)
        if moved:
            self.successes[f"{name} (moved)"] += 1
            [settled] = [e for e in self.payment.get_logs() if type(e).__name__ == "StakeSettled"]
            if settled.overage_amount:
                self.successes[f"{name} (overage)"] += 1
            skipped = [
                (e.session, e.reason)
                for e in self.payment.get_logs()
                if type(e).__name__ == "DrawSkipped"
            ]
            assert skipped == self.quota_model.skipped

    @precondition(lambda self: self.drawn_batches)
    @rule(number=PICKS)
    def resend_stake(self, number):
        """INV-P4: a batch that was sent draws nothing more."""
        recent = self.drawn_batches[-1 - number % min(len(self.drawn_batches), 3)]
        self._settle_stake("resend_stake", recent)

    @precondition(lambda self: any(a.drawn for a in self.quota_model.accounts.values()))
    @rule(number=PICKS, part=st.sampled_from((1, 3)))
    def refund_stake(self, number, part):
        """INV-Q9, INV-Q10: back to stake and pool, and the account is empty."""
        keys = [key for key, a in self.quota_model.accounts.items() if a.drawn]
        key = keys[number % len(keys)]
        router, version = key >> 128, self.model.sessions[key].version
        buckets = [slot[2] for slot in self.model.buckets if slot[:2] == (router, version)]
        bucket = buckets[number % len(buckets)] if buckets else 0
        slot = router, version, bucket
        there = self.model.buckets.get(slot, 0) - self.model.holds.get(slot, 0)
        # Whole micro-COR of what is there.
        wanted = min(self.quota_model.accounts[key].drawn * MICRO // part, there) // MICRO * MICRO
        taken = self.both(
            "refund_stake",
            lambda: self.payment.refund(key, bucket, wanted, sender=self.protocol.dispute),
            lambda: self.model.refund(key, bucket, wanted),
        )
        if taken:
            self.successes["refund_stake (something)"] += 1

    @rule()
    def sweep(self):
        self.both(
            "sweep",
            lambda: self.quota.sweep(sender=self.protocol.stranger),
            lambda: self.quota_model.sweep() * MICRO,
        )

    @rule(days=st.sampled_from((1, 1, 2, 8, 16)))
    def wait_days(self, days):
        self._wait(days * DAY)

    # What holds after every step.

    @invariant()
    def same_sums(self):
        """INV-S1, INV-Q1: pool and quota hold what they owe, to the wei, beside the escrow."""
        super().same_sums()
        chain = self.protocol
        assert chain.cor.balanceOf(self.pool) == self.pool_model.balance()
        assert chain.cor.balanceOf(self.quota) == self.quota_model.owned()
        for router in (1, 2):
            assert self.pool.cover(router) == self.pool_model.cover(router)
        if self.accounts:
            self.check_account(list(self.accounts)[self.steps % len(self.accounts)])

    def check_account(self, key: int) -> None:
        """Compare an account of stake with the model's."""
        facts, account = self.quota.account(key), self.quota_model.accounts[key]
        model, window = self.quota_model, self.quota_model.window(account)
        assert (facts.stake, facts.drawn, facts.leaving) == (
            account.stake,
            account.drawn,
            account.leaving,
        )
        assert facts.left_now == model.left(account, window)
        assert facts.left_before == model.left(account, window - 1)
        assert facts.overage_now == account.overage.get(window, 0)

    def check_session(self, key: int) -> None:
        """A stake session's total is its account's."""
        if key not in self.accounts:
            super().check_session(key)
            return
        facts = self.payment.session(key)
        drawn = self.quota_model.accounts[key].drawn * MICRO
        assert (facts.payer, facts.deposit, facts.settled) == (self.accounts[key], 0, drawn)
        assert self.highest.get(key, 0) <= drawn
        self.highest[key] = drawn

    def everybody_leaves(self) -> None:
        """Users and routers take their stake home, too."""
        for key, payer in self.accounts.items():
            account = self.quota_model.accounts[key]
            if account.stake:
                self.quota.request_unstake(key, account.stake * MICRO, sender=payer)
                self.quota_model.request_unstake(key, account.stake)
        super().everybody_leaves()
        for key in self.accounts:
            account = self.quota_model.accounts[key]
            if account.leaving:
                self.quota.withdraw(key)
                self.staked[self.accounts[key]] -= self.quota_model.withdraw(key) * MICRO
        for who in self.purses:
            self.check_purse(who)
        # Stake is all gone: what the contract holds is the pool's.
        assert self.protocol.cor.balanceOf(self.quota) == self.quota_model.pool_wei
