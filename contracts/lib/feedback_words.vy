# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title One feedback in one word
@custom:contract-name feedback_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice rating i128 | decimals u8 | is_revoked u8 | tag1 u40 | tag2 u40 |
        answers u32. Tags are numbers (modules/tags.vy).
"""

TAG_LIMIT: constant(uint256) = 2**40 - 1

_RATING_MASK: constant(uint256) = 2**128 - 1
_REVOKED: constant(uint256) = 1 << 136
_ANSWER: constant(uint256) = 1 << 224


@internal
@pure
def _pack(rating: int128, decimals: uint8, tag1: uint256, tag2: uint256) -> uint256:
    """
    @dev A feedback that is not revoked and not answered.
    @param rating The rating.
    @param decimals Its decimals.
    @param tag1 The number of its tag1, at most TAG_LIMIT.
    @param tag2 The number of its tag2, at most TAG_LIMIT.
    @return uint256 The word.
    """
    # By way of bytes: a conversion between numbers refuses a sign.
    low: uint256 = convert(convert(rating, bytes32), uint256) & _RATING_MASK
    return low | convert(decimals, uint256) << 128 | tag1 << 144 | tag2 << 184


@internal
@pure
def _rating(word: uint256) -> int128:
    """
    @dev The rating.
    @param word The word.
    @return int128 The number, without its decimals applied.
    """
    # The sign is at bit 127: up to the top, then down with it.
    signed: int256 = convert(convert(word << 128, bytes32), int256)
    return convert(signed >> 128, int128)


@internal
@pure
def _decimals(word: uint256) -> uint256:
    """
    @dev How many of the rating's digits are decimals.
    @param word The word.
    @return uint256 0 to 18.
    """
    return (word >> 128) & 255


@internal
@pure
def _is_revoked(word: uint256) -> bool:
    """
    @dev Whether it was revoked.
    @param word The word.
    @return bool True if it was.
    """
    return word & _REVOKED != 0


@internal
@pure
def _tag1(word: uint256) -> uint256:
    """
    @dev The number of its tag1.
    @param word The word.
    @return uint256 The number.
    """
    return (word >> 144) & TAG_LIMIT


@internal
@pure
def _tag2(word: uint256) -> uint256:
    """
    @dev The number of its tag2.
    @param word The word.
    @return uint256 The number.
    """
    return (word >> 184) & TAG_LIMIT


@internal
@pure
def _answers(word: uint256) -> uint256:
    """
    @dev How many answers it got.
    @param word The word.
    @return uint256 The count.
    """
    return word >> 224


@internal
@pure
def _revoked(word: uint256) -> uint256:
    """
    @dev The word once it is revoked.
    @param word The word.
    @return uint256 The new word.
    """
    return word | _REVOKED


@internal
@pure
def _answered(word: uint256) -> uint256:
    """
    @dev The word with one more answer; the count is its top field, so that one
         too many reverts.
    @param word The word.
    @return uint256 The new word.
    """
    return word + _ANSWER
