# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Numbers for tags
@custom:contract-name tags
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The same few tags are written again and again: each is stored once, and
        its number fits in a word beside other things. The empty tag is 0.
"""

# @dev A number that no tag has: numbers are far fewer bits.
UNKNOWN: constant(uint256) = max_value(uint256)

_SHORT: constant(uint256) = 31

# @dev The highest number there may be.
_LIMIT: immutable(uint256)

# @dev keccak256 of a tag -> its number.
_numbers: HashMap[bytes32, uint256]

# @dev number -> a tag of up to 31 bytes from the top, its length in the lowest byte.
_short: HashMap[uint256, uint256]

# @dev number -> a longer tag.
_long: HashMap[uint256, String[64]]

# @dev The highest number there is.
_count: uint256


@deploy
def __init__(limit: uint256):
    """
    @dev Fixes how many tags there may be.
    @param limit The highest number, all bits of the field it is kept in.
    """
    _LIMIT = limit


@internal
def _number(tag: String[64]) -> uint256:
    """
    @dev A tag's number; a new tag gets the next.
    @param tag The tag.
    @return uint256 Its number.
    """
    if len(tag) == 0:
        return 0
    key: bytes32 = keccak256(tag)
    number: uint256 = self._numbers[key]
    if number == 0:
        number = self._count + 1
        assert number <= _LIMIT, "tags: too many"
        self._count = number
        self._numbers[key] = number
        size: uint256 = len(tag)
        if size > _SHORT:
            self._long[number] = tag
        else:
            content: Bytes[96] = concat(convert(tag, Bytes[64]), empty(bytes32))
            self._short[number] = extract32(content, 0, output_type=uint256) | size
    return number


@internal
@view
def _find(tag: String[64]) -> uint256:
    """
    @dev The number to look for where a tag is a filter.
    @param tag The tag, not empty.
    @return uint256 Its number; UNKNOWN if nothing has that tag.
    """
    number: uint256 = self._numbers[keccak256(tag)]
    return number if number != 0 else UNKNOWN


@internal
@view
def _tag(number: uint256) -> String[64]:
    """
    @dev The tag of a number.
    @param number The number; 0 for the empty tag.
    @return String[64] The tag.
    """
    word: uint256 = self._short[number]
    if word != 0:
        return convert(slice(convert(word, bytes32), 0, word & 255), String[32])
    return self._long[number]
