# SPDX-License-Identifier: Apache-2.0
"""Stake quotas as docs/spec/stake-quota.md states them, in plain Python.

No packed words, no rolling: an account is the history of its stake, and what it used by window.
Times are absolute, rates are a list of all that ever were. Written from the page, so that what the
contract keeps in one word can be compared with what the page promises.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DAY, WEEK, TICK, MICRO = 86_400, 604_800, 16, 10**12


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the model, no fault in it
    """The step is refused; the message is the contract's reason."""


@dataclass
class Account:
    """One account; `stakes` is its history as (time, stake from then on)."""

    bucket: int
    cadence: int
    stakes: list[tuple[int, int]]
    quota: dict[int, int]
    used: dict[int, int] = field(default_factory=dict)
    overage: dict[int, int] = field(default_factory=dict)
    permits: list[tuple[int, int, int]] = field(default_factory=lambda: [(0, 0, 0)])
    drawn: int = 0
    leaving: int = 0
    withdrawable_at: int = 0
    arrival: int = 0
    lost: int = 0
    is_closed: bool = False

    @property
    def stake(self) -> int:
        """The stake now."""
        return self.stakes[-1][1]


@dataclass
class QuotaModel:
    """Everything the contract knows. Amounts are micro-COR, the pool's balance is wei."""

    now: int
    cooldown: int
    rates: list[tuple[int, tuple[int, ...]]]
    cap: int
    rate: int = 0
    burst: int = 0
    pool_wei: int = 0
    due: int = 0
    limit: int = 0
    spent: dict[int, int] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    skipped: list[tuple[int, str]] = field(default_factory=list)

    # What accounts have.

    def window(self, account: Account) -> int:
        """Return the index of the account's current window."""
        return self.now // account.cadence

    def quota(self, account: Account, window: int) -> int:
        """Return what a window gives: as it was fixed, else by the stake at its begin."""
        if window in account.quota:
            return account.quota[window]
        begin = window * account.cadence
        staked = [stake for time, stake in account.stakes if time < begin]
        rate = [rates for since, rates in self.rates if since <= begin][-1][account.bucket]
        days = account.cadence // DAY
        return min(self.cap, (staked[-1] if staked else 0) * rate * days // 10**6)

    def left(self, account: Account, window: int) -> int:
        """Return what is free in a window."""
        return self.quota(account, window) - account.used.get(window, 0)

    def permission(self, account: Account) -> tuple[int, int]:
        """Return limit and floor in force."""
        window = self.window(account)
        return [(limit, floor) for since, limit, floor in account.permits if since <= window][-1]

    def _touch(self, account: Account) -> None:
        """Fix the quota of the two windows that can still be drawn from."""
        window = self.window(account)
        for each in (window - 1, window):
            account.quota[each] = self.quota(account, each)

    def _set_stake(self, account: Account, stake: int) -> None:
        self._touch(account)
        account.stakes.append((self.now, stake))

    def _open(self, key: int) -> Account:
        """Return an account that nothing was ever restored to."""
        if self.accounts[key].is_closed:
            raise Refused("quota: account is closed")
        return self.accounts[key]

    # Payers.

    def enrol(self, key: int, bucket: int, *, is_weekly: bool) -> None:
        """Open an account."""
        if key in self.accounts:
            raise Refused("quota: already enrolled")
        cadence = WEEK if is_weekly else DAY
        window = self.now // cadence
        self.accounts[key] = Account(bucket, cadence, [(self.now, 0)], {window - 1: 0, window: 0})

    def stake(self, key: int, amount: int) -> None:
        """Add stake."""
        account = self._open(key)
        self._set_stake(account, account.stake + amount)

    def request_unstake(self, key: int, amount: int) -> None:
        """Ask stake back."""
        account = self.accounts[key]
        if amount > account.stake:
            raise Refused("quota: more than is staked")
        self._set_stake(account, account.stake - amount)
        account.leaving += amount
        account.withdrawable_at = self.now + self.cooldown

    def withdraw(self, key: int) -> int:
        """Pay out what left."""
        account = self.accounts[key]
        if not account.leaving:
            raise Refused("quota: nothing to withdraw")
        if self.now < account.withdrawable_at:
            raise Refused("quota: cooling down")
        paid, account.leaving = account.leaving, 0
        return paid

    def set_permission(self, key: int, limit: int, floor: int) -> None:
        """Permit overage; a permission that waits is replaced."""
        account = self._open(key)
        held_limit, held_floor = self.permission(account)
        window = self.window(account)
        gives_more = not held_limit or (limit >= held_limit and floor <= held_floor)
        account.permits = [
            (0, held_limit, held_floor),
            (window + (1 if gives_more else 2), limit, floor),
        ]

    # SessionPayment.

    def draw(self, work_at: int, items: list[tuple[int, int]]) -> tuple[int, int]:
        """Draw a batch of (session, cumulative wei); return free and overage."""
        if work_at > self.now:
            raise Refused("quota: work in the future")
        self.skipped = []
        free_total = overage_total = 0
        today = self.now // DAY
        for key, wei in items:
            account = self.accounts.get(key)
            total = (wei + MICRO - 1) // MICRO
            if total <= (account.drawn if account else 0):
                continue
            if account is None:
                self.skipped.append((key, "unknown account"))
                continue
            moved = total - account.drawn
            window = work_at // account.cadence
            free = min(moved, self.left(account, window))
            overage = moved - free
            reason = self._refusal(account, work_at, moved, free, overage)
            if reason:
                self.skipped.append((key, reason))
                continue
            self._touch(account)
            account.arrival = self._arrival(account, work_at, moved)
            account.drawn = total
            account.used[window] = account.used.get(window, 0) + free
            current = self.window(account)
            account.overage[current] = account.overage.get(current, 0) + overage
            if overage:
                from_stake = min(account.stake, overage)
                self._set_stake(account, account.stake - from_stake)
                account.leaving -= overage - from_stake
                account.lost += overage
            self.pool_wei -= free * MICRO
            self.spent[today] = self.spent.get(today, 0) + free
            free_total += free
            overage_total += overage
        self.due += free_total + overage_total
        return free_total, overage_total

    def sweep(self) -> int:
        """Send the escrow what is due to it."""
        sent, self.due = self.due, 0
        return sent

    def _arrival(self, account: Account, work_at: int, moved: int) -> int:
        if not self.rate:
            return account.arrival
        return max(account.arrival, work_at // TICK) + (moved + self.rate - 1) // self.rate

    def _refusal(
        self, account: Account, work_at: int, moved: int, free: int, overage: int
    ) -> str | None:
        if work_at // account.cadence < self.window(account) - 1:
            return "window is over"
        arrival = self._arrival(account, work_at, moved)
        if self.rate and arrival > work_at // TICK + self.burst:
            return "rate limit"
        if free * MICRO > self.pool_wei and free:
            return "pool is empty"
        if free and self.spent.get(self.now // DAY, 0) + free > self.limit:
            return "pool limit reached"
        return self._forbidden(account, overage) if overage else None

    def _forbidden(self, account: Account, overage: int) -> str | None:
        limit, floor = self.permission(account)
        if not limit:
            return "quota exceeded"
        if account.overage.get(self.window(account), 0) + overage > limit:
            return "overage limit"
        rest = account.stake + account.leaving - overage
        if rest < 0:
            return "stake is spent"
        return "stake floor" if rest < floor else None

    def restore(self, key: int, amount: int) -> int:
        """Take back an overcharge and close the account; return what went to the stake."""
        account = self.accounts[key]
        back = min(amount, account.lost)
        account.lost -= back
        account.leaving += account.stake + back
        account.withdrawable_at = self.now
        self._set_stake(account, 0)
        for window in (self.window(account) - 1, self.window(account)):
            account.quota[window] = account.used.get(window, 0)
        account.permits = [(0, 0, 0)]
        account.is_closed = True
        self.pool_wei += (amount - back) * MICRO
        return back

    # The owner.

    def set_rates(self, rates: tuple[int, ...]) -> None:
        """Set rates from the next midnight on."""
        if self.now < self.rates[-1][0] + 14 * DAY:
            raise Refused("rules: rates changed lately")
        self.rates.append(((self.now // DAY + 1) * DAY, rates))

    # What must hold.

    def owned(self) -> int:
        """Return the wei that accounts, pool and escrow own (INV-Q1)."""
        staked = sum(a.stake + a.leaving for a in self.accounts.values())
        return self.pool_wei + (staked + self.due) * MICRO
