# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Three words of a position
@custom:contract-name position_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What `stake` and `cover` read is in one word, the hot one. What leaves,
        and what is to be slashed, is in two others. `ended_at` is when the
        position's last proposal ended; the next one takes its place.

        hot:   amount u96 | owner u160
        exit:  leaving u96 | withdrawable_at u40
        slash: amount u96 | executable_at u40 | lapses_at u40 | ended_at u40
               | is_appealed u1
"""

U32: constant(uint256) = 2**32 - 1
U40: constant(uint256) = 2**40 - 1
U96: constant(uint256) = 2**96 - 1
U160: constant(uint256) = 2**160 - 1

_OWNER: constant(uint256) = 96
_WITHDRAWABLE_AT: constant(uint256) = 96
_EXECUTABLE_AT: constant(uint256) = 96
_LAPSES_AT: constant(uint256) = 136
_ENDED_AT: constant(uint256) = 176
_IS_APPEALED: constant(uint256) = 216


@internal
@pure
def _pack_hot(amount: uint256, owner: address) -> uint256:
    """
    @dev Packs the hot word; the caller has checked the range.
    @param amount Wei of COR, uint96.
    @param owner Whose position it is.
    @return uint256 The word.
    """
    return amount | convert(owner, uint256) << _OWNER


@internal
@pure
def _amount(word: uint256) -> uint256:
    """
    @dev Reads the first field of any of the three words.
    @param word The hot word, the exit word or the slash word.
    @return uint256 Wei of COR that is staked, leaves, or is to be slashed.
    """
    return word & U96


@internal
@pure
def _owner(hot: uint256) -> address:
    """
    @dev Reads the owner.
    @param hot The hot word.
    @return address The owner; zero for a position that was never opened.
    """
    return convert(hot >> _OWNER, address)


@internal
@pure
def _pack_exit(leaving: uint256, withdrawable_at: uint256) -> uint256:
    """
    @dev Packs the exit word; the caller has checked the ranges.
    @param leaving Wei of COR, uint96.
    @param withdrawable_at Unix seconds, uint40.
    @return uint256 The word.
    """
    return leaving | withdrawable_at << _WITHDRAWABLE_AT


@internal
@pure
def _withdrawable_at(exit: uint256) -> uint256:
    """
    @dev Reads when what leaves can be withdrawn.
    @param exit The exit word.
    @return uint256 Unix seconds.
    """
    return exit >> _WITHDRAWABLE_AT


@internal
@pure
def _pack_slash(
    amount: uint256,
    executable_at: uint256,
    lapses_at: uint256,
    ended_at: uint256,
    is_appealed: bool,
) -> uint256:
    """
    @dev Packs the slash word; the caller has checked the ranges.
    @param amount Wei of COR, uint96; 0 for none proposed.
    @param executable_at Unix seconds, uint40.
    @param lapses_at Unix seconds, uint40; 0 unless appealed.
    @param ended_at Unix seconds, uint40; 0 while one is proposed, or if none
           ended yet.
    @param is_appealed Whether the proposal was appealed.
    @return uint256 The word.
    """
    return (
        amount
        | executable_at << _EXECUTABLE_AT
        | lapses_at << _LAPSES_AT
        | ended_at << _ENDED_AT
        | convert(is_appealed, uint256) << _IS_APPEALED
    )


@internal
@pure
def _executable_at(slash: uint256) -> uint256:
    """
    @dev Reads when a proposal that is not appealed becomes executable.
    @param slash The slash word.
    @return uint256 Unix seconds.
    """
    return (slash >> _EXECUTABLE_AT) & U40


@internal
@pure
def _lapses_at(slash: uint256) -> uint256:
    """
    @dev Reads when an appeal lapses.
    @param slash The slash word.
    @return uint256 Unix seconds; 0 unless appealed.
    """
    return (slash >> _LAPSES_AT) & U40


@internal
@pure
def _ended_at(slash: uint256) -> uint256:
    """
    @dev Reads when the last proposal ended, where none is proposed.
    @param slash The slash word.
    @return uint256 Unix seconds; 0 if none did.
    """
    return (slash >> _ENDED_AT) & U40


@internal
@pure
def _is_appealed(slash: uint256) -> bool:
    """
    @dev Reads whether the proposal was appealed.
    @param slash The slash word.
    @return bool Whether it was.
    """
    return slash >> _IS_APPEALED != 0
