# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What stake buys, and how fast it may be used
@custom:contract-name quota_rules
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Rates by bucket, the cap on an account and the rate limit; and the one
        caller that may draw, because a draw reads it from the same word.
@dev    Rates change at a midnight to come and at most once in two weeks, so
        that a window and the one before it never need more than the last two.
"""

from contracts.interfaces import IStakeQuota
from contracts.lib import quota_words as words

CAP: constant(uint256) = 160
RATE: constant(uint256) = 200
BURST: constant(uint256) = 232

_RATES_SECONDS: constant(uint256) = 14 * 86_400
_EFFECTIVE: constant(uint256) = 240
_MILLION: constant(uint256) = 10**6
_U40: constant(uint256) = 2**40 - 1
# @dev What a week has more than a day.
_MORE_SECONDS: constant(uint256) = words.WEEK_SECONDS - words.DAY_SECONDS
# @dev Stake, what was drawn, bucket and cadence.
_KEPT: constant(uint256) = 2**112 - 1 | 31 << 251


# @dev payment u160 | cap u40 | rate u32 | burst_ticks u16.
_word: uint256

# @dev 12 x u20, millionths a day | the first day they hold u16.
_newest_rates: uint256

# @dev The same before them.
_older_rates: uint256


@deploy
def __init__(rates: uint32[12], limits: IStakeQuota.Limits):
    """
    @dev Sets the first rates, in effect at once, and the limits.
    @param rates By bucket, millionths of the stake a day.
    @param limits Cap and rate limit.
    """
    first: uint256 = self._pack_rates(rates)
    self._newest_rates = first
    self._older_rates = first
    before: uint32[12] = empty(uint32[12])
    log IStakeQuota.RatesSet(old_rates=before, new_rates=rates, effective_at=0)
    self._set_limits(limits)


@internal
def _bind(payment: address):
    """
    @dev Names the caller that may draw, once.
    @param payment SessionPayment.
    """
    assert self._word & words.U160 == 0, "rules: payment is bound"
    assert payment.is_contract, "rules: payment has no code"
    self._word |= convert(payment, uint256)
    log IStakeQuota.Bound(payment=payment)


@internal
@view
def _payment() -> address:
    """
    @dev Reads who may draw.
    @return address SessionPayment; zero before it is bound.
    """
    return convert(self._word & words.U160, address)


@internal
def _set_limits(limits: IStakeQuota.Limits):
    """
    @dev Sets cap and rate limit, at once. What a window had left when its
         account began it stays.
    @param limits The limits.
    """
    assert convert(limits.cap, uint256) <= words.U36, "rules: cap exceeds words"
    # Else nothing could ever be drawn.
    assert limits.rate == 0 or limits.burst_ticks != 0, "rules: rate without burst"
    word: uint256 = self._word
    log IStakeQuota.LimitsSet(old_limits=self._limits(word), new_limits=limits)
    self._word = (
        word & words.U160
        | convert(limits.cap, uint256) << CAP
        | convert(limits.rate, uint256) << RATE
        | convert(limits.burst_ticks, uint256) << BURST
    )


@internal
@pure
def _limits(word: uint256) -> IStakeQuota.Limits:
    """
    @dev Reads cap and rate limit.
    @param word The rules' word.
    @return Limits The limits.
    """
    return IStakeQuota.Limits(
        cap=convert((word >> CAP) & _U40, uint40),
        rate=convert((word >> RATE) & words.U32, uint32),
        burst_ticks=convert(word >> BURST, uint16),
    )


@internal
def _set_rates(rates: uint32[12]):
    """
    @dev Sets the rates from the next midnight on.
    @param rates By bucket, millionths of the stake a day.
    """
    last: uint256 = self._newest_rates
    # Counted from now and not from the next midnight: a window that began two
    # weeks ago may still be the one before some account's current one.
    earliest: uint256 = (last >> _EFFECTIVE) * words.DAY_SECONDS + _RATES_SECONDS
    assert block.timestamp >= earliest, "rules: rates changed lately"
    # A window that begins in this very block may be in use already.
    day: uint256 = block.timestamp // words.DAY_SECONDS + 1
    assert day <= words.U16, "rules: days exhausted"
    self._older_rates = last
    self._newest_rates = self._pack_rates(rates) | day << _EFFECTIVE
    log IStakeQuota.RatesSet(
        old_rates=self._unpack_rates(last), new_rates=rates, effective_at=day * words.DAY_SECONDS
    )


@internal
@pure
def _pack_rates(rates: uint32[12]) -> uint256:
    """
    @dev Packs rates, and refuses those that do not fit.
    @param rates By bucket, millionths.
    @return uint256 The word, without a day.
    """
    word: uint256 = 0
    for bucket: uint256 in range(words.BUCKETS):
        rate: uint256 = convert(rates[bucket], uint256)
        assert rate <= words.U20, "rules: rate exceeds words"
        word |= rate << 20 * bucket
    return word


@internal
@pure
def _unpack_rates(word: uint256) -> uint32[12]:
    """
    @dev Unpacks rates.
    @param word As `_pack_rates` made it.
    @return uint32[12] By bucket, millionths.
    """
    rates: uint32[12] = empty(uint32[12])
    for bucket: uint256 in range(words.BUCKETS):
        rates[bucket] = convert((word >> 20 * bucket) & words.U20, uint32)
    return rates


@internal
@view
def _effective_at() -> uint256:
    """
    @dev Reads when the newest rates take or took effect.
    @return uint256 Unix seconds; 0 for the first ones.
    """
    return (self._newest_rates >> _EFFECTIVE) * words.DAY_SECONDS


@internal
@view
def _rolled(hot: uint256, word: uint256, rates: uint256) -> uint256:
    """
    @dev Begins the current window of an account, as if nothing had happened
         since its word was written; nothing is written here. The stake, what was
         drawn and the profile stay; the overage begins anew. An allowance rounds
         down.
    @param hot The hot word of an enrolled account.
    @param word The rules' word, if the caller has it; 0 to have it read.
    @param rates The newest rates, if the caller has them; 0 to have them read.
    @return uint256 The word in the current window.
    """
    # Read here and not through lib/quota_words.vy, as in StakeQuota's loop: the
    # first draw of every window comes this way. Likewise no `if` where a
    # multiplication does.
    is_weekly: uint256 = hot >> words.IS_WEEKLY
    cadence: uint256 = unsafe_add(words.DAY_SECONDS, unsafe_mul(is_weekly, _MORE_SECONDS))
    window: uint256 = unsafe_div(block.timestamp, cadence)
    # Modulo 2**16, as the word keeps it.
    past: uint256 = unsafe_sub(window, hot >> words.WINDOW) & words.U16
    if past == 0:
        return hot
    begins_at: uint256 = unsafe_mul(window, cadence)
    newest: uint256 = rates if rates != 0 else self._newest_rates
    cap: uint256 = ((word if word != 0 else self._word) >> CAP) & _U40
    since: uint256 = unsafe_mul(newest >> _EFFECTIVE, words.DAY_SECONDS)
    at: uint256 = unsafe_mul(20, (hot >> words.BUCKET) & 15)
    # What a window's stake counts for in days: 56, 20 and 3 bits with the rate.
    staked: uint256 = unsafe_mul(hot & words.U56, unsafe_add(1, unsafe_mul(is_weekly, 6)))
    used: uint256 = newest
    if begins_at < since:
        used = self._older_rates
    left: uint256 = unsafe_div(unsafe_mul(staked, (used >> at) & words.U20), _MILLION)
    if left > cap:
        left = cap
    left_before: uint256 = (hot >> words.LEFT_NOW) & words.U36
    if past != 1:
        left_before = left
        if begins_at >= since and unsafe_sub(begins_at, cadence) < since:
            # The rates changed between the two windows.
            used = self._older_rates
            left_before = unsafe_div(unsafe_mul(staked, (used >> at) & words.U20), _MILLION)
            left_before = min(left_before, cap)
    next: uint256 = (
        hot & _KEPT
        | left << words.LEFT_NOW
        | left_before << words.LEFT_BEFORE
        | (window & words.U16) << words.WINDOW
    )
    tat: uint256 = (hot >> words.TAT) & words.U19
    if tat != 0:
        # Both cadences are whole ticks, so nothing is rounded. Before the origin
        # there is no work to limit any more.
        ticks: uint256 = unsafe_mul(past, unsafe_div(cadence, words.TICK_SECONDS))
        if tat > ticks:
            next |= unsafe_sub(tat, ticks) << words.TAT
    return next
