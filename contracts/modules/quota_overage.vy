# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Standing permission to deduct from stake
@custom:contract-name quota_overage
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What a payer allows beyond the quota, and taking it: from stake first,
        then from what is on its way out.
"""

from contracts.interfaces import IStakeQuota
from contracts.lib import quota_words as words

# @dev Why an overage is refused.
TAKEN: constant(uint256) = 0
NO_PERMISSION: constant(uint256) = 1
LIMIT: constant(uint256) = 2
SPENT: constant(uint256) = 3
FLOOR: constant(uint256) = 4

FLOOR_AT: constant(uint256) = 32
NEXT: constant(uint256) = 88
NEXT_WINDOW: constant(uint256) = 176
_PERMISSION: constant(uint256) = 2**88 - 1
_WITHDRAWABLE_AT: constant(uint256) = 56


# @dev session -> limit u32 | floor u56 | next_limit u32 | next_floor u56
#      | next_window u16; micro-COR.
_permissions: HashMap[uint256, uint256]

# @dev session -> leaving u56 | withdrawable_at u40; micro-COR, unix seconds.
_exits: HashMap[uint256, uint256]


@internal
@view
def _permission(session: uint256, window: uint256) -> IStakeQuota.Permission:
    """
    @dev Reads a permission.
    @param session The session.
    @param window The index of its current window.
    @return Permission As it stands in that window.
    """
    word: uint256 = self._folded(self._permissions[session], window)
    return IStakeQuota.Permission(
        limit=word & words.U32,
        floor=(word >> FLOOR_AT) & words.U56,
        next_limit=(word >> NEXT) & words.U32,
        next_floor=(word >> (NEXT + FLOOR_AT)) & words.U56,
        next_window=word >> NEXT_WINDOW,
    )


@internal
@pure
def _folded(word: uint256, window: uint256) -> uint256:
    """
    @dev Puts the next permission in force if its window has begun. A word that
         was ever written has a next one.
    @param word A permission's word.
    @param window The index of the current window.
    @return uint256 The word as it stands in that window.
    """
    if word >> NEXT_WINDOW > window:
        return word
    return (word >> NEXT) & _PERMISSION


@internal
def _permit(session: uint256, window: uint256, limit: uint256, minimum: uint256):
    """
    @dev Writes a permission. What it takes back it leaves for two windows:
         work done under it in this one can be settled in the next.
    @param session The session.
    @param window The index of its current window.
    @param limit Wei of overage a window; whole micro-COR.
    @param minimum Wei of stake that overage leaves; whole micro-COR.
    """
    assert limit % words.MICRO_WEI == 0, "permission: not whole micro"
    assert minimum % words.MICRO_WEI == 0, "permission: not whole micro"
    new_limit: uint256 = limit // words.MICRO_WEI
    new_floor: uint256 = minimum // words.MICRO_WEI
    assert new_limit <= words.U32, "permission: limit exceeds words"
    assert new_floor <= words.U56, "permission: floor exceeds words"
    word: uint256 = self._folded(self._permissions[session], window) & _PERMISSION
    old_limit: uint256 = word & words.U32
    from_window: uint256 = window + 2
    # A limit of zero allows nothing, whatever its floor.
    if old_limit == 0 or (new_limit >= old_limit and new_floor <= word >> FLOOR_AT):
        from_window = window + 1
    assert from_window <= words.U16, "permission: windows exhausted"
    self._permissions[session] = (
        word | new_limit << NEXT | new_floor << (NEXT + FLOOR_AT) | from_window << NEXT_WINDOW
    )
    log IStakeQuota.PermissionSet(
        session=session, limit=limit, floor=minimum, from_window=from_window
    )


@internal
def _revoke(session: uint256):
    """
    @dev Takes a permission back at once.
    @param session The session.
    """
    self._permissions[session] = 0


@internal
def _take(session: uint256, hot: uint256, overage: uint256, window: uint256) -> (uint256, uint256):
    """
    @dev Deducts an overage. What of it leaving stake pays is written here; the
         rest is in the word returned.
    @param session The session.
    @param hot Its hot word, in the current window.
    @param overage Micro-COR; not zero.
    @param window The index of the current window.
    @return uint256 Why it is refused; TAKEN if it was taken.
    @return uint256 The hot word afterwards.
    """
    permission: uint256 = self._folded(self._permissions[session], window)
    limit: uint256 = permission & words.U32
    if limit == 0:
        return NO_PERMISSION, hot
    if ((hot >> words.OVERAGE) & words.U32) + overage > limit:
        return LIMIT, hot
    lowest: uint256 = (permission >> FLOOR_AT) & words.U56
    stake: uint256 = hot & words.U56
    # No more than `limit` in all: the field holds it.
    counted: uint256 = hot + (overage << words.OVERAGE)
    if stake >= overage + lowest:
        return TAKEN, counted - overage
    leaving: uint256 = self._exits[session]
    held: uint256 = stake + (leaving & words.U56)
    if held < overage:
        return SPENT, hot
    if held < overage + lowest:
        return FLOOR, hot
    from_stake: uint256 = min(stake, overage)
    if from_stake != overage:
        leaving -= overage - from_stake
        # Nothing leaves any more: no date, either.
        self._exits[session] = leaving if leaving & words.U56 != 0 else 0
    return TAKEN, counted - from_stake


@internal
@pure
def _why(refusal: uint256) -> String[32]:
    """
    @dev Names a refused overage.
    @param refusal As `_take` returned it.
    @return String[32] The reason.
    """
    if refusal == NO_PERMISSION:
        return "quota exceeded"
    if refusal == LIMIT:
        return "overage limit"
    if refusal == SPENT:
        return "stake is spent"
    return "stake floor"


@internal
@view
def _exit(session: uint256) -> (uint256, uint256):
    """
    @dev Reads what leaves.
    @param session The session.
    @return uint256 Micro-COR.
    @return uint256 When it can be withdrawn, in unix seconds.
    """
    word: uint256 = self._exits[session]
    return (word & words.U56, word >> _WITHDRAWABLE_AT)


@internal
def _set_exit(session: uint256, leaving: uint256, withdrawable_at: uint256):
    """
    @dev Writes what leaves; without a date where nothing does.
    @param session The session.
    @param leaving Micro-COR, uint56.
    @param withdrawable_at Unix seconds, uint40.
    """
    word: uint256 = leaving | withdrawable_at << _WITHDRAWABLE_AT
    self._exits[session] = word if leaving != 0 else 0
