# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Stake that buys inference
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A user's stake gives a quota of free work each window; what goes beyond
        is deducted from the stake, as far as its owner allows. Free work is
        paid to the nodes from a pool that the admin funds.
@dev    The hot word: lib/quota_words.vy. Rates and limits:
        modules/quota_rules.vy. The pool: modules/quota_pool.vy. Permission and
        leaving stake: modules/quota_overage.vy. Tokens: modules/cor.vy.
@custom:security The token is trusted to move what it says (no fee on transfer).
                 SessionPayment is trusted to draw only what a router may
                 settle, and to have sent what it restores; it is named once. A
                 payer trusts the settler of its router for what was used, up
                 to the permission, and for when: the contract knows only that
                 work is in this window or the last. A wrong charge is refunded
                 by dispute. The owner sets rates (from the next day on, every
                 two weeks at most) and limits (at once), funds and empties the
                 pool; it can neither touch nor hold stake.
@custom:kill withdraw_pool of everything, or set_spending_limit(0), ends free
             work; SessionPayment's guardian pauses settlement and so draws.
             Nothing stops a payer: request_unstake, then withdraw.
@custom:invariants
        INV-Q1 Token balance >= stake + leaving stake of all accounts + pool +
        what is due to SessionPayment, and equal to it unless somebody sent
        tokens here unasked.
        INV-Q2 Free work in a window never exceeds the allowance of the stake
        that was there when the window began.
        INV-Q3 Overage in a window never exceeds what the permission allows,
        and never takes stake below its floor.
        INV-Q4 New stake buys nothing in the window in which it came.
        INV-Q5 Stake goes back to the payer alone, who can always have it after
        the cool-down, whoever else is gone.
        INV-Q6 What an account was charged never falls, and a total sent again
        moves nothing.
        INV-Q7 The pool never spends more than its limit a day nor more than it
        holds.
        INV-Q8 A stake split over accounts buys no more than in one account,
        but for what a cap cut off.
        INV-Q9 A restored overcharge gives stake back no more than overage was
        ever deducted from it.
        INV-Q10 An account that was restored is closed: it has no quota and no
        permission, gets no stake any more, and all that it had can be withdrawn
        at once.
"""

from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISessions
from contracts.interfaces import IStakeQuota
from contracts.lib import quota_words as words
from contracts.modules import cor
from contracts.modules import quota_overage as permits
from contracts.modules import quota_pool as free_pool
from contracts.modules import quota_rules as rules
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: IStakeQuota
initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: cor
initializes: permits
initializes: free_pool
initializes: rules

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since the pool
    #      could then never be taken back.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    cor.TOKEN,
)

_MIN_COOLDOWN_SECONDS: constant(uint256) = 14 * 86_400 + 1
_MAX_COOLDOWN_SECONDS: constant(uint256) = 60 * 86_400
# @dev SessionPayment's codes.
_STATE_OPEN: constant(uint256) = 1
_FUNDING_STAKE: constant(uint256) = 2

# @dev Window and cadence, the bits of a hot word that say whether it must be
#      rolled; and the left-over of a window that is over.
_KEY: constant(uint256) = words.U16 | 1 << _KEY_IS_WEEKLY
_KEY_IS_WEEKLY: constant(uint256) = 39
_OVER: constant(uint256) = 256

_PAID_IN: constant(uint256) = 160
_CLOSED: constant(uint256) = 1 << 255

COOLDOWN_SECONDS: public(immutable(uint256))


# @dev session -> hot word (lib/quota_words.vy).
_hot: HashMap[uint256, uint256]

# @dev session -> payer u160 | paid_in micro-COR u95 | is_closed u1. Paid in is
#      what was staked less what was withdrawn; what of it is not there any more
#      was overage.
_owners: HashMap[uint256, uint256]


@deploy
def __init__(
    owner: address,
    token: address,
    cooldown_seconds: uint256,
    rates: uint32[12],
    limits: IStakeQuota.Limits,
    spending_limit: uint256,
):
    """
    @notice Deploys the quota with an empty pool.
    @param owner Sets rates and limits and runs the pool; should be a timelock.
    @param token COR: an ERC-20 of at most 2**56 - 1 micro-COR in all.
    @param cooldown_seconds How long stake takes to leave: more than 14 days,
           so that the work of its last window is settled; at most 60 days.
    @param rates By bucket: millionths of the stake free a day.
    @param limits Cap and rate limit.
    @param spending_limit Wei of COR the pool may spend a day; whole micro-COR.
    """
    assert owner != empty(address), "quota: zero owner"
    assert cooldown_seconds >= _MIN_COOLDOWN_SECONDS, "quota: cool-down too short"
    assert cooldown_seconds <= _MAX_COOLDOWN_SECONDS, "quota: cool-down too long"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    cor.__init__(token, words.U56 * words.MICRO_WEI)
    rules.__init__(rates, limits)
    free_pool.__init__(spending_limit)
    COOLDOWN_SECONDS = cooldown_seconds


# ---------------------------------------------------------------------------
# Accounts
# ---------------------------------------------------------------------------


@external
def enrol(payer: address, router_id: uint256, bucket: uint256, is_weekly: bool) -> uint256:
    payment: address = rules._payment()
    assert payment != empty(address), "quota: not bound"
    assert bucket < words.BUCKETS, "quota: unknown bucket"
    profile: uint256 = bucket + 16 * convert(is_weekly, uint256)
    # The salt being the profile, nobody can have two accounts of one kind with
    # a router, nor one account of another kind than its payer opened.
    session: uint256 = staticcall ISessions(payment).session_id(
        payer, router_id, convert(profile, bytes32)
    )
    assert self._hot[session] == 0, "quota: already enrolled"
    # A fraud was proven before anybody enrolled it.
    assert self._owners[session] == 0, "quota: account is closed"
    facts: ISessionPayment.Session = staticcall ISessionPayment(payment).session(session)
    assert facts.state == _STATE_OPEN, "quota: session not open"
    assert facts.funding == _FUNDING_STAKE, "quota: session not paid by stake"
    assert facts.payer == payer, "quota: other payer"
    cadence: uint256 = words.WEEK_SECONDS if is_weekly else words.DAY_SECONDS
    window: uint256 = (block.timestamp // cadence) & words.U16
    self._hot[session] = words._pack(0, 0, 0, 0, 0, window, 0, profile)
    self._owners[session] = convert(payer, uint256)
    log IStakeQuota.Enrolled(session=session, payer=payer, bucket=bucket, is_weekly=is_weekly)
    return session


@external
def stake(session: uint256, amount: uint256):
    micro: uint256 = self._micro(amount)
    owner: uint256 = self._owners[session]
    self._check_open(owner)
    hot: uint256 = rules._rolled(self._hot[session], 0, 0)
    # Holds for every token that did not make more of itself since deployment.
    leaving: uint256 = permits._exit(session)[0]
    assert words._stake(hot) + leaving + micro <= words.U56, "quota: stake exceeds words"
    self._hot[session] = hot + micro
    # Paid in: at most 2**56 there and 2**32 of overage a window, in 95 bits.
    self._owners[session] = owner + (micro << _PAID_IN)
    log IStakeQuota.Staked(session=session, sender=msg.sender, amount=amount)
    cor._pull(amount)


@external
def request_unstake(session: uint256, amount: uint256):
    micro: uint256 = self._micro(amount)
    self._check_payer(session)
    hot: uint256 = rules._rolled(self._hot[session], 0, 0)
    assert micro <= words._stake(hot), "quota: more than is staked"
    self._hot[session] = hot - micro
    withdrawable_at: uint256 = block.timestamp + COOLDOWN_SECONDS
    leaving: uint256 = permits._exit(session)[0] + micro
    permits._set_exit(session, leaving, withdrawable_at)
    log IStakeQuota.UnstakeRequested(
        session=session, amount=amount, withdrawable_at=withdrawable_at
    )


@external
def withdraw(session: uint256) -> uint256:
    leaving: uint256 = 0
    withdrawable_at: uint256 = 0
    leaving, withdrawable_at = permits._exit(session)
    assert leaving != 0, "quota: nothing to withdraw"
    assert block.timestamp >= withdrawable_at, "quota: cooling down"
    permits._set_exit(session, 0, 0)
    owner: uint256 = self._owners[session]
    # INV-Q9: what leaves is part of what was paid in.
    self._owners[session] = owner - (leaving << _PAID_IN)
    payer: address = convert(owner & words.U160, address)
    amount: uint256 = leaving * words.MICRO_WEI
    log IStakeQuota.Unstaked(session=session, payer=payer, amount=amount)
    cor._push(payer, amount)
    return amount


@external
def set_permission(session: uint256, limit: uint256, minimum: uint256):
    self._check_open(self._check_payer(session))
    window: uint256 = block.timestamp // words._cadence(self._hot[session])
    permits._permit(session, window, limit, minimum)


# ---------------------------------------------------------------------------
# SessionPayment
# ---------------------------------------------------------------------------


@external
def draw(router_id: uint256, work_at: uint256, items: DynArray[uint256, 128]) -> (uint256, uint256):
    rules_word: uint256 = rules._word
    payment: address = convert(rules_word & words.U160, address)
    assert msg.sender == payment, "quota: caller is not payment"
    assert work_at <= block.timestamp, "quota: work in the future"
    rate: uint256 = (rules_word >> rules.RATE) & words.U32
    # Not used without a rate.
    round_up: uint256 = unsafe_sub(rate, 1)
    burst: uint256 = rules_word >> rules.BURST
    # Read when the first account begins a window in this batch.
    rates: uint256 = 0
    pool: uint256 = free_pool._word
    balance: uint256 = 0
    spent: uint256 = 0
    limit: uint256 = 0
    balance, spent, limit = free_pool._today(pool)
    # What the pool can pay. The limit may have been lowered below what was
    # spent.
    at_first: uint256 = min(balance, limit - min(limit, spent))
    affordable: uint256 = at_first

    # Where the work stands in days; in weeks as soon as an account counts by
    # them, and back.
    window: uint256 = 0
    key: uint256 = 0
    left_at: uint256 = 0
    step: uint256 = 0
    tick: uint256 = 0
    latest: uint256 = 0
    window, key, left_at, step, tick, latest = self._stand(0, work_at, burst)
    overage_total: uint256 = 0
    # Five overages share a word of the event: 51 gas each instead of 256.
    parts: DynArray[uint256, 26] = []
    part: uint256 = 0
    place: uint256 = 0
    for item: uint256 in items:
        assert item >> 224 == router_id, "quota: other router's account"
        # Read here and not through lib/quota_words.vy: a call costs more than
        # what it does, and this loop is what a user's price is made of.
        hot: uint256 = self._hot[item >> 96]
        # Rounds up, in the nodes' favour by less than 1e-6 COR in an account's
        # life. No carry: a uint96 and less than 2**40.
        moved: uint256 = unsafe_add(item & words.U96, words.MICRO_WEI - 1) // words.MICRO_WEI
        if moved <= (hot >> words.DRAWN) & words.U56:
            # Drawn by an earlier batch.
            continue
        moved = unsafe_sub(moved, (hot >> words.DRAWN) & words.U56)
        if (hot >> words.WINDOW) & _KEY != key:
            if hot == 0:
                self._skip(item, "unknown account")
                continue
            if hot >> words.IS_WEEKLY != key >> _KEY_IS_WEEKLY:
                window, key, left_at, step, tick, latest = self._stand(
                    hot >> words.IS_WEEKLY, work_at, burst
                )
            if rates == 0:
                rates = rules._newest_rates
            hot = rules._rolled(hot, rules_word, rates)
        if rate != 0:
            tat: uint256 = (hot >> words.TAT) & words.U19
            # Rounds up: what was used counts whole ticks. No carry: a uint19
            # and at most 2**56 ticks; no division by zero.
            later: uint256 = unsafe_add(
                max(tat, tick), unsafe_div(unsafe_add(moved, round_up), rate)
            )
            if later > latest:
                self._skip(item, "rate limit")
                continue
            # Two weeks of ticks and a uint16 of burst fit in 19 bits.
            hot = unsafe_add(hot, unsafe_sub(later, tat) << words.TAT)
        left: uint256 = (hot >> left_at) & words.U36
        # Both at once: the top bit of a difference says that it is negative,
        # since neither side reaches 2**57.
        if (unsafe_sub(left, moved) | unsafe_sub(affordable, moved)) >> 255 == 0:
            affordable = unsafe_sub(affordable, moved)
            # `step` takes from what is left and adds to what is drawn. No carry
            # there: windows allow 2**36 free and 2**32 of overage, 2**16 times.
            self._hot[item >> 96] = unsafe_add(hot, unsafe_mul(moved, step))
            continue
        free: uint256 = left
        if left > moved:
            free = moved
        if free > affordable:
            self._skip(item, self._poor(balance, at_first - affordable + free))
            continue
        if left_at == _OVER:
            self._skip(item, "window is over")
            continue
        # Not zero: what the quota and the pool cover has been dealt with.
        beyond: uint256 = unsafe_sub(moved, free)
        allowed: uint256 = permits._permissions[item >> 96]
        if allowed >> permits.NEXT_WINDOW <= window:
            allowed = allowed >> permits.NEXT
        # Checked to fit: the limit is a uint32, and the stake covers it.
        if (
            unsafe_add((hot >> words.OVERAGE) & words.U32, beyond) <= allowed & words.U32
            and unsafe_add((allowed >> permits.FLOOR_AT) & words.U56, beyond) <= hot & words.U56
        ):
            hot = unsafe_add(hot, unsafe_sub(beyond << words.OVERAGE, beyond))
        else:
            # Leaving stake pays, or nothing does.
            refusal: uint256 = 0
            refusal, hot = permits._take(item >> 96, hot, beyond, window)
            if refusal != permits.TAKEN:
                self._skip(item, permits._why(refusal))
                continue
        part |= (((item >> 96) & words.U16) | beyond << 16) << place
        place = unsafe_add(place, 48)
        if place == 240:
            parts.append(part)
            part = 0
            place = 0
        overage_total = unsafe_add(overage_total, beyond)
        affordable = unsafe_sub(affordable, free)
        # As above, with less free than drawn.
        self._hot[item >> 96] = unsafe_add(unsafe_sub(hot, free << left_at), moved << words.DRAWN)

    free_total: uint256 = at_first - affordable
    if free_total + overage_total == 0:
        return 0, 0
    free_amount: uint256 = free_total * words.MICRO_WEI
    overage_amount: uint256 = overage_total * words.MICRO_WEI
    # Noted, not sent: one `sweep` sends what many batches drew.
    free_pool._spend(pool, spent, free_total, overage_total)
    if overage_total != 0:
        if place != 0:
            parts.append(part)
        log IStakeQuota.OverageDeducted(
            router_id=router_id, work_at=work_at, total=overage_amount, parts=parts
        )
    return free_amount, overage_amount


@external
def sweep() -> uint256:
    due: uint256 = free_pool._due() * words.MICRO_WEI
    if due != 0:
        payment: address = rules._payment()
        free_pool._clear_due()
        log IStakeQuota.Swept(payment=payment, amount=due)
        cor._push(payment, due)
    return due


@external
def restore(session: uint256, amount: uint256):
    assert msg.sender == rules._payment(), "quota: caller is not payment"
    # Even nothing closes the account: a fraud was proven.
    assert amount % words.MICRO_WEI == 0, "quota: amount not whole micro"
    micro: uint256 = amount // words.MICRO_WEI
    hot: uint256 = self._hot[session]
    owner: uint256 = self._owners[session]
    to_stake: uint256 = 0
    if hot != 0:
        hot = rules._rolled(hot, 0, 0)
        staked: uint256 = words._stake(hot)
        leaving: uint256 = permits._exit(session)[0]
        # INV-Q9: all of the overage in its life that was not restored yet. What
        # is there was paid in, so nothing is below zero.
        deducted: uint256 = ((owner & ~_CLOSED) >> _PAID_IN) - staked - leaving
        to_stake = min(micro, deducted)
        # INV-Q10: the account has nothing more to draw on. All its stake leaves
        # and can be withdrawn at once.
        self._hot[session] = words._emptied(hot)
        permits._set_exit(session, leaving + staked + to_stake, block.timestamp)
        permits._revoke(session)
    # For good: who is let out early once does not come back by the same door.
    self._owners[session] = owner | _CLOSED
    to_pool: uint256 = micro - to_stake
    free_pool._add(to_pool)
    log IStakeQuota.Restored(
        session=session, to_stake=to_stake * words.MICRO_WEI, to_pool=to_pool * words.MICRO_WEI
    )


# ---------------------------------------------------------------------------
# The pool
# ---------------------------------------------------------------------------


@external
def fund_pool(amount: uint256):
    free_pool._add(self._micro(amount))
    log IStakeQuota.PoolFunded(sender=msg.sender, amount=amount)
    cor._pull(amount)


@external
def withdraw_pool(to: address, amount: uint256):
    ownable._check_owner()
    assert to != empty(address), "quota: zero recipient"
    free_pool._remove(self._micro(amount))
    log IStakeQuota.PoolWithdrawn(to=to, amount=amount)
    cor._push(to, amount)


@external
def set_spending_limit(limit: uint256):
    ownable._check_owner()
    free_pool._set_limit(limit)


# ---------------------------------------------------------------------------
# Rules
# ---------------------------------------------------------------------------


@external
def set_rates(rates: uint32[12]):
    ownable._check_owner()
    rules._set_rates(rates)


@external
def set_limits(limits: IStakeQuota.Limits):
    ownable._check_owner()
    rules._set_limits(limits)


@external
def bind(payment: address):
    ownable._check_owner()
    rules._bind(payment)


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def account(session: uint256) -> IStakeQuota.Account:
    hot: uint256 = self._hot[session]
    if hot == 0:
        return empty(IStakeQuota.Account)
    hot = rules._rolled(hot, 0, 0)
    leaving: uint256 = 0
    withdrawable_at: uint256 = 0
    leaving, withdrawable_at = permits._exit(session)
    cadence: uint256 = words._cadence(hot)
    window: uint256 = block.timestamp // cadence
    limited_until: uint256 = 0
    if words._tat(hot) != 0:
        limited_until = (window - 1) * cadence + words._tat(hot) * words.TICK_SECONDS
    return IStakeQuota.Account(
        stake=words._stake(hot),
        drawn=words._drawn(hot),
        left_now=words._left_now(hot),
        left_before=words._left_before(hot),
        overage_now=words._overage_now(hot),
        window=window,
        bucket=words._profile(hot) & 15,
        is_weekly=hot >> words.IS_WEEKLY == 1,
        leaving=leaving,
        withdrawable_at=withdrawable_at,
        rate_limited_until=limited_until,
    )


@external
@view
def permission(session: uint256) -> IStakeQuota.Permission:
    window: uint256 = block.timestamp // words._cadence(self._hot[session])
    return permits._permission(session, window)


@external
@view
@reentrant
def drawn(session: uint256) -> uint256:
    # SessionPayment asks while `enrol` asks it: one slot, written before any
    # call out.
    return words._drawn(self._hot[session]) * words.MICRO_WEI


@external
@view
def pool() -> (uint256, uint256, uint256):
    balance: uint256 = 0
    spent: uint256 = 0
    limit: uint256 = 0
    balance, spent, limit = free_pool._today(free_pool._word)
    return (balance * words.MICRO_WEI, spent * words.MICRO_WEI, limit * words.MICRO_WEI)


@external
@view
def due() -> uint256:
    return free_pool._due() * words.MICRO_WEI


@external
@view
def limits() -> IStakeQuota.Limits:
    return rules._limits(rules._word)


@external
@view
def rates() -> (uint32[12], uint32[12], uint256):
    return (
        rules._unpack_rates(rules._older_rates),
        rules._unpack_rates(rules._newest_rates),
        rules._effective_at(),
    )


@external
@view
def payment() -> address:
    return rules._payment()


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@pure
def _micro(amount: uint256) -> uint256:
    """
    @dev Turns an amount into micro-COR; refuses fractions, so that no wei is
         ever without an owner.
    @param amount Wei of COR.
    @return uint256 Micro-COR; not zero.
    """
    assert amount != 0, "quota: zero amount"
    assert amount % words.MICRO_WEI == 0, "quota: amount not whole micro"
    return amount // words.MICRO_WEI


@internal
@view
def _check_payer(session: uint256) -> uint256:
    """
    @dev Refuses anybody but the payer of an enrolled session.
    @param session The session.
    @return uint256 Its owner word.
    """
    owner: uint256 = self._owners[session]
    assert owner & words.U160 != 0, "quota: not enrolled"
    assert convert(owner & words.U160, address) == msg.sender, "quota: caller is not the payer"
    return owner


@internal
@pure
def _check_open(owner: uint256):
    """
    @dev Refuses sessions that nobody enrolled, and accounts that are closed.
    @param owner The session's owner word.
    """
    assert owner != 0, "quota: not enrolled"
    assert owner & _CLOSED == 0, "quota: account is closed"


@internal
@view
def _stand(
    is_weekly: uint256, work_at: uint256, burst: uint256
) -> (uint256, uint256, uint256, uint256, uint256, uint256):
    """
    @dev Where work stands for accounts of one cadence.
    @param is_weekly 1 for weeks, 0 for days.
    @param work_at When it was done, not in the future.
    @param burst How many ticks may be used at once.
    @return uint256 The index of the current window.
    @return uint256 What such accounts have under _KEY in the current window.
    @return uint256 The lowest bit of what is left in the work's window; _OVER,
            where a word has nothing, for a window that is over.
    @return uint256 What a hot word changes by for each micro-COR drawn within
            that window's quota, modulo 2**256.
    @return uint256 The tick of the work; 0 if its window is over.
    @return uint256 The latest tick that the rate limit may reach.
    """
    cadence: uint256 = words.WEEK_SECONDS if is_weekly == 1 else words.DAY_SECONDS
    window: uint256 = block.timestamp // cadence
    key: uint256 = window & words.U16 | is_weekly << _KEY_IS_WEEKLY
    past: uint256 = window - work_at // cadence
    if past > 1:
        return window, key, _OVER, 0, 0, max_value(uint256)
    # Rounds down to the tick's begin; both cadences are whole ticks.
    tick: uint256 = (work_at - (window - 1) * cadence) // words.TICK_SECONDS
    left_at: uint256 = words.LEFT_BEFORE if past == 1 else words.LEFT_NOW
    step: uint256 = unsafe_sub(2**words.DRAWN, convert(1, uint256) << left_at)
    return window, key, left_at, step, tick, tick + burst


@internal
@pure
def _poor(balance: uint256, wanted: uint256) -> String[32]:
    """
    @dev Why the pool does not pay.
    @param balance What it had, in micro-COR.
    @param wanted What it would have paid in this batch, in micro-COR.
    @return String[32] The reason.
    """
    if wanted > balance:
        return "pool is empty"
    return "pool limit reached"


@internal
def _skip(item: uint256, reason: String[32]):
    """
    @dev Says that an item was passed over: one payer must not be able to stop
         everybody's settlement.
    @param item The item.
    @param reason Why.
    """
    log IStakeQuota.DrawSkipped(session=item >> 96, cumulative=item & words.U96, reason=reason)
