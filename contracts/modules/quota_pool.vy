# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The pool that pays for free work
@custom:contract-name quota_pool
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Anyone fills it, the owner bounds what it spends a day and may take it
        back. It knows its own balance, so it never reaches for stake.
"""

from contracts.interfaces import IStakeQuota
from contracts.lib import quota_words as words

_SPENT: constant(uint256) = 56
_LIMIT: constant(uint256) = 112
_DUE: constant(uint256) = 168
_DAY: constant(uint256) = 224


# @dev Micro-COR: balance u56 | spent today u56 | limit a day u56 | due u56, what
#      draws owe SessionPayment; then day u16.
_word: uint256


@deploy
def __init__(limit: uint256):
    """
    @dev Sets the spending limit of an empty pool.
    @param limit Wei of COR a day; whole micro-COR.
    """
    self._set_limit(limit)


@internal
def _add(amount: uint256):
    """
    @dev Raises the balance by tokens that came.
    @param amount Micro-COR.
    """
    word: uint256 = self._word
    # Only a token that makes more of itself comes here.
    assert amount <= words.U56 - (word & words.U56), "funds: balance exceeds words"
    self._word = word + amount


@internal
def _remove(amount: uint256):
    """
    @dev Lowers the balance by tokens that go.
    @param amount Micro-COR.
    """
    word: uint256 = self._word
    assert amount <= word & words.U56, "funds: more than it has"
    self._word = word - amount


@internal
def _set_limit(limit: uint256):
    """
    @dev Bounds what a day may spend, today included.
    @param limit Wei of COR; whole micro-COR.
    """
    assert limit % words.MICRO_WEI == 0, "funds: limit not whole micro"
    micro: uint256 = limit // words.MICRO_WEI
    assert micro <= words.U56, "funds: limit exceeds words"
    word: uint256 = self._word
    log IStakeQuota.SpendingLimitSet(
        old_limit=((word >> _LIMIT) & words.U56) * words.MICRO_WEI, new_limit=limit
    )
    self._word = word & ~(words.U56 << _LIMIT) | micro << _LIMIT


@internal
@view
def _today(word: uint256) -> (uint256, uint256, uint256):
    """
    @dev Reads the pool as it stands today.
    @param word The pool's word.
    @return uint256 Balance in micro-COR.
    @return uint256 Spent today, in micro-COR.
    @return uint256 Spending limit, in micro-COR.
    """
    spent: uint256 = (word >> _SPENT) & words.U56
    if word >> _DAY != (block.timestamp // words.DAY_SECONDS) & words.U16:
        spent = 0
    return (word & words.U56, spent, (word >> _LIMIT) & words.U56)


@internal
def _spend(word: uint256, spent: uint256, free: uint256, overage: uint256):
    """
    @dev Writes the pool after a batch.
    @param word As it was read.
    @param spent What it had spent today before, in micro-COR.
    @param free What it spends now, at most the balance and the limit.
    @param overage What stake pays now, in micro-COR.
    """
    day: uint256 = (block.timestamp // words.DAY_SECONDS) & words.U16
    kept: uint256 = word & ~(words.U56 << _SPENT) & (2**_DAY - 1)
    # Nothing carries: all of it is part of the supply.
    next: uint256 = kept - free | (spent + free) << _SPENT | day << _DAY
    self._word = next + ((free + overage) << _DUE)


@internal
@view
def _due() -> uint256:
    """
    @dev Reads what draws owe SessionPayment.
    @return uint256 Micro-COR.
    """
    return (self._word >> _DUE) & words.U56


@internal
def _clear_due():
    """
    @dev Nothing is owed any more.
    """
    self._word &= ~(words.U56 << _DUE)
