# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title The hot word of a stake account
@custom:contract-name quota_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Everything that a draw within the quota reads and writes is in one
        word, in micro-COR. A change of stake shows in `left_now` only when the
        next window begins: so new stake waits for it, and stake that leaves
        counts to the end of the current one, without a second word.

        hot: stake u56 | drawn u56 | left_now u36 | left_before u36
             | overage_now u32 | window u16 | tat u19 | bucket u4 | is_weekly u1

        `tat` is the rate limit's theoretical arrival time, in ticks of 16 s
        after the start of the window before `window`. Windows are counted
        modulo 2**16: days come round in the year 2149.
"""

MICRO_WEI: constant(uint256) = 10**12
DAY_SECONDS: constant(uint256) = 86_400
WEEK_SECONDS: constant(uint256) = 604_800
TICK_SECONDS: constant(uint256) = 16
BUCKETS: constant(uint256) = 12

DRAWN: constant(uint256) = 56
LEFT_NOW: constant(uint256) = 112
LEFT_BEFORE: constant(uint256) = 148
OVERAGE: constant(uint256) = 184
WINDOW: constant(uint256) = 216
TAT: constant(uint256) = 232
BUCKET: constant(uint256) = 251
IS_WEEKLY: constant(uint256) = 255

U16: constant(uint256) = 2**16 - 1
U19: constant(uint256) = 2**19 - 1
U20: constant(uint256) = 2**20 - 1
U32: constant(uint256) = 2**32 - 1
U36: constant(uint256) = 2**36 - 1
U56: constant(uint256) = 2**56 - 1
U96: constant(uint256) = 2**96 - 1
U160: constant(uint256) = 2**160 - 1


@internal
@pure
def _pack(
    stake: uint256,
    drawn: uint256,
    left_now: uint256,
    left_before: uint256,
    overage_now: uint256,
    window: uint256,
    tat: uint256,
    profile: uint256,
) -> uint256:
    """
    @dev Packs a hot word; the caller has checked the ranges.
    @param stake Micro-COR, uint56.
    @param drawn Micro-COR, uint56.
    @param left_now Micro-COR, uint36.
    @param left_before Micro-COR, uint36.
    @param overage_now Micro-COR, uint32.
    @param window Index modulo 2**16.
    @param tat Ticks, uint19.
    @param profile The bucket, 16 more where windows are weeks.
    @return uint256 The word.
    """
    return (
        stake
        | drawn << DRAWN
        | left_now << LEFT_NOW
        | left_before << LEFT_BEFORE
        | overage_now << OVERAGE
        | window << WINDOW
        | tat << TAT
        | profile << BUCKET
    )


@internal
@pure
def _stake(hot: uint256) -> uint256:
    """
    @dev Reads the stake.
    @param hot The hot word.
    @return uint256 Micro-COR.
    """
    return hot & U56


@internal
@pure
def _drawn(hot: uint256) -> uint256:
    """
    @dev Reads what was charged in the account's life.
    @param hot The hot word.
    @return uint256 Micro-COR.
    """
    return (hot >> DRAWN) & U56


@internal
@pure
def _left_now(hot: uint256) -> uint256:
    """
    @dev Reads what is free in the word's window.
    @param hot The hot word.
    @return uint256 Micro-COR.
    """
    return (hot >> LEFT_NOW) & U36


@internal
@pure
def _left_before(hot: uint256) -> uint256:
    """
    @dev Reads what is free in the window before the word's.
    @param hot The hot word.
    @return uint256 Micro-COR.
    """
    return (hot >> LEFT_BEFORE) & U36


@internal
@pure
def _overage_now(hot: uint256) -> uint256:
    """
    @dev Reads what was deducted from stake in the word's window.
    @param hot The hot word.
    @return uint256 Micro-COR.
    """
    return (hot >> OVERAGE) & U32


@internal
@pure
def _window(hot: uint256) -> uint256:
    """
    @dev Reads the window.
    @param hot The hot word.
    @return uint256 Its index modulo 2**16.
    """
    return (hot >> WINDOW) & U16


@internal
@pure
def _tat(hot: uint256) -> uint256:
    """
    @dev Reads the theoretical arrival time.
    @param hot The hot word.
    @return uint256 Ticks after the start of the window before the word's.
    """
    return (hot >> TAT) & U19


@internal
@pure
def _profile(hot: uint256) -> uint256:
    """
    @dev Reads the profile.
    @param hot The hot word.
    @return uint256 The bucket, 16 more where windows are weeks.
    """
    return hot >> BUCKET


@internal
@pure
def _cadence(hot: uint256) -> uint256:
    """
    @dev Reads how long a window is.
    @param hot The hot word.
    @return uint256 Seconds.
    """
    return WEEK_SECONDS if hot >> IS_WEEKLY == 1 else DAY_SECONDS


@internal
@pure
def _emptied(hot: uint256) -> uint256:
    """
    @dev Takes stake and both quotas away; what was drawn stays.
    @param hot The hot word.
    @return uint256 The word without them.
    """
    return hot & ~(U56 | U36 << LEFT_NOW | U36 << LEFT_BEFORE)
