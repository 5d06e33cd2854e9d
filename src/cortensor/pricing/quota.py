# SPDX-License-Identifier: Apache-2.0
"""Stake quotas: what an account has left, when that refreshes, and what a charge would take.

The same words and the same arithmetic as `StakeQuota.vy`, so that a router or a person can know
before a batch what the contract will say. Amounts are micro-COR (10**12 wei of COR) unless a name
says wei; times are unix seconds and handed in. What an account *is* stands in `Account`, the rules
of the moment in `Rules`, the pool in `Pool`; `draw` says what one item of a batch does to them.
"""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from cortensor.errors import InvalidInput
from cortensor.pricing.bits import Layout, pack_word, require_uint, unpack_word
from cortensor.pricing.money import MAX_AMOUNT_WEI
from cortensor.pricing.terms import MODEL_CLASSES, REPLICA_COUNTS

MICRO_WEI: int = 10**12
DAY_SECONDS, WEEK_SECONDS, TICK_SECONDS = 86_400, 604_800, 16
BUCKETS: int = 12

_MILLION = 10**6
_WINDOW_MASK = 2**16 - 1
_LAYOUT: Layout = MappingProxyType(
    {
        "stake": (0, 56),
        "drawn": (56, 56),
        "left_now": (112, 36),
        "left_before": (148, 36),
        "overage_now": (184, 32),
        "window": (216, 16),
        "tat": (232, 19),
        "bucket": (251, 4),
        "weekly": (255, 1),
    }
)


def bucket_of(model_class: int, replicas: int) -> int:
    """Return the quota bucket of the dearest work an account will ask for.

    Raises:
        InvalidInput: for a class or a number of replicas that is not sold.
    """
    if not 0 <= model_class < len(MODEL_CLASSES):
        raise InvalidInput(f"must be below {len(MODEL_CLASSES)}", field="model_class")
    if replicas not in REPLICA_COUNTS:
        raise InvalidInput("must be 1, 3 or 5", field="replicas")
    return model_class * 3 + (replicas - 1) // 2


def micro_of(wei: int) -> int:
    """Return a running total of wei as the contract counts it: in micro-COR, rounded up."""
    return -(-require_uint(wei, MAX_AMOUNT_WEI.bit_length(), "wei") // MICRO_WEI)


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stake buys and how fast it may be used.

    Attributes:
        older_rates: millionths of the stake free a day, by bucket, before `effective_at`.
        newest_rates: the same for windows that begin at `effective_at` or later.
        effective_at: unix seconds, a midnight UTC; 0 for the first rates.
        cap: most a window gives, below 2**36.
        rate: micro-COR a tick of 16 s; 0 for no rate limit.
        burst_ticks: how many ticks may be used at once.
    """

    older_rates: tuple[int, ...]
    newest_rates: tuple[int, ...]
    effective_at: int
    cap: int
    rate: int = 0
    burst_ticks: int = 0

    def allowance(self, account: Account, window: int) -> int:
        """Return what the account's stake buys in a window, rounded down."""
        begins_at = window * account.cadence
        rates = self.newest_rates if begins_at >= self.effective_at else self.older_rates
        days = 7 if account.is_weekly else 1
        return min(self.cap, account.stake * rates[account.bucket] * days // _MILLION)


class Permission(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What overage the payer allows; the `next_` ones from `next_window` on, 0 for none."""

    limit: int = 0
    floor: int = 0
    next_limit: int = 0
    next_floor: int = 0
    next_window: int = 0

    def at(self, window: int) -> Permission:
        """Return the permission as it stands in a window."""
        if not self.next_window or self.next_window > window:
            return self
        return Permission(limit=self.next_limit, floor=self.next_floor)

    def changed(self, limit: int, floor: int, window: int) -> Permission:
        """Return the permission after the payer sets another: more holds a window later, less two.

        Args:
            limit: micro-COR a window.
            floor: micro-COR that overage leaves.
            window: the current window.
        """
        held = self.at(window)
        is_more = held.limit == 0 or (limit >= held.limit and floor <= held.floor)
        return Permission(
            limit=held.limit,
            floor=held.floor,
            next_limit=limit,
            next_floor=floor,
            next_window=window + (1 if is_more else 2),
        )


class Pool(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The pool that pays for free work, today.

    Attributes:
        balance_wei: wei of COR in it.
        spent: micro-COR spent today.
        limit: micro-COR it may spend a day.
    """

    balance_wei: int
    spent: int
    limit: int

    @property
    def affordable(self) -> int:
        """What it can still pay today, in micro-COR."""
        return min(self.balance_wei // MICRO_WEI, max(self.limit - self.spent, 0))


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A stake account.

    Attributes:
        stake: counts for windows that begin from now on.
        drawn: charged in its life.
        left_now: free in `window`.
        left_before: free in the window before it.
        overage_now: deducted from stake in `window`.
        window: index of the window in which it last changed.
        tat: the rate limit's arrival time, in ticks after the start of the window before `window`.
        bucket: as `bucket_of` gives it.
        is_weekly: whether windows are weeks; days if not.
        leaving: stake on its way out; it still pays overage.
    """

    window: int
    bucket: int
    is_weekly: bool
    stake: int = 0
    drawn: int = 0
    left_now: int = 0
    left_before: int = 0
    overage_now: int = 0
    tat: int = 0
    leaving: int = 0

    @property
    def cadence(self) -> int:
        """Seconds in a window."""
        return WEEK_SECONDS if self.is_weekly else DAY_SECONDS

    @property
    def refreshes_at(self) -> int:
        """When the next window begins and the quota is new, in unix seconds."""
        return (self.window + 1) * self.cadence

    def pack(self) -> int:
        """Return the contract's word, which has no `leaving` and counts windows modulo 2**16.

        Raises:
            InvalidInput: if a field exceeds its width.
        """
        values = {name: getattr(self, name) for name in _LAYOUT if name != "weekly"}
        values |= {"window": self.window & _WINDOW_MASK, "weekly": int(self.is_weekly)}
        return pack_word(_LAYOUT, values, "account")

    @classmethod
    def unpack(cls, word: int, leaving: int = 0) -> Account:
        """Read the contract's word. Raises InvalidInput on a value beyond uint256."""
        values = unpack_word(_LAYOUT, word, "account")
        is_weekly = bool(values.pop("weekly"))
        return cls(is_weekly=is_weekly, leaving=leaving, **values)

    def rolled(self, rules: Rules, now: int) -> Account:
        """Return the account in the window of `now`, as if nothing had happened meanwhile."""
        window = now // self.cadence
        past = window - self.window
        if past == 0:
            return self
        left_before = self.left_now if past == 1 else rules.allowance(self, window - 1)
        return msgspec.structs.replace(
            self,
            left_now=rules.allowance(self, window),
            left_before=left_before,
            overage_now=0,
            window=window,
            tat=max(self.tat - past * (self.cadence // TICK_SECONDS), 0),
        )


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """What the contract does with one item.

    Attributes:
        account: the account afterwards; as it was if nothing moved.
        free: micro-COR paid by the pool.
        overage: micro-COR deducted from stake.
        refusal: why it is skipped, as the contract says it; None if it is not.
    """

    account: Account
    free: int = 0
    overage: int = 0
    refusal: str | None = None


def draw(
    account: Account,
    permission: Permission,
    rules: Rules,
    pool: Pool,
    *,
    cumulative_wei: int,
    work_at: int,
    now: int,
) -> Draw:
    """Return what an item of a batch would do.

    Args:
        account: the account; its window may be an old one.
        permission: what its payer allows.
        rules: of the moment.
        pool: as the batch has left it so far.
        cumulative_wei: the session's running total in wei of COR.
        work_at: when the work was done.
        now: when the batch is settled.

    Raises:
        InvalidInput: for work in the future, or a total beyond uint96.
    """
    if work_at > now:
        raise InvalidInput("must not be in the future", field="work_at")
    moved = micro_of(cumulative_wei) - account.drawn
    if moved <= 0:
        return Draw(account=account)
    begun = account.rolled(rules, now)
    age = begun.window - work_at // begun.cadence
    if age > 1:
        return Draw(account=account, refusal="window is over")
    tat = begun.tat
    if rules.rate:
        tick = (work_at - (begun.window - 1) * begun.cadence) // TICK_SECONDS
        tat = max(tat, tick) - (-moved // rules.rate)
        if tat > tick + rules.burst_ticks:
            return Draw(account=account, refusal="rate limit")
    left = begun.left_before if age else begun.left_now
    free = min(moved, left)
    overage = moved - free
    refusal = _poor(pool, free) or _forbidden(begun, permission.at(begun.window), overage)
    if refusal:
        return Draw(account=account, refusal=refusal)
    from_stake = min(begun.stake, overage)
    after = msgspec.structs.replace(
        begun,
        stake=begun.stake - from_stake,
        leaving=begun.leaving - (overage - from_stake),
        drawn=begun.drawn + moved,
        overage_now=begun.overage_now + overage,
        tat=tat,
        left_now=begun.left_now - (0 if age else free),
        left_before=begun.left_before - (free if age else 0),
    )
    return Draw(account=after, free=free, overage=overage)


def _poor(pool: Pool, free: int) -> str | None:
    """Return why the pool does not pay, or None."""
    if free <= pool.affordable:
        return None
    return "pool is empty" if free > pool.balance_wei // MICRO_WEI else "pool limit reached"


def _forbidden(account: Account, permission: Permission, overage: int) -> str | None:
    """Return why an overage is not deducted, or None."""
    if overage == 0:
        return None
    if permission.limit == 0:
        return "quota exceeded"
    if account.overage_now + overage > permission.limit:
        return "overage limit"
    held = account.stake + account.leaving
    if held < overage:
        return "stake is spent"
    return "stake floor" if held < overage + permission.floor else None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What an account can ask for at a moment, and what a charge would cost it.

    Attributes:
        left: free micro-COR in this window.
        refreshes_at: when the next window begins, unix seconds.
        overage_left: micro-COR that the permission, the floor and the stake still allow.
        free: of the charge, micro-COR from the quota.
        overage: of the charge, micro-COR from stake.
        refusal: why the charge would be refused; None if it would not.
    """

    left: int
    refreshes_at: int
    overage_left: int
    free: int
    overage: int
    refusal: str | None


def offer(
    account: Account,
    permission: Permission,
    rules: Rules,
    pool: Pool,
    *,
    charge_wei: int,
    settled_wei: int,
    now: int,
) -> Offer:
    """Return what is left and what the next charge would cost, settled at once.

    Args:
        account: the account; its window may be an old one.
        permission: what its payer allows.
        rules: of the moment.
        pool: as it is.
        charge_wei: the charge in wei of COR.
        settled_wei: the session's running total so far, in wei of COR, as its receipts have it.
        now: unix seconds.
    """
    begun = account.rolled(rules, now)
    held = permission.at(begun.window)
    untouched = max(begun.stake + begun.leaving - held.floor, 0)
    result = draw(
        begun,
        permission,
        rules,
        pool,
        cumulative_wei=settled_wei + charge_wei,
        work_at=now,
        now=now,
    )
    return Offer(
        left=begun.left_now,
        refreshes_at=begun.refreshes_at,
        overage_left=min(max(held.limit - begun.overage_now, 0), untouched),
        free=result.free,
        overage=result.overage,
        refusal=result.refusal,
    )
