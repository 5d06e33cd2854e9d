# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Bytes by key, short ones in one slot
@custom:contract-name kept_bytes
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Up to 31 bytes take one slot, with their length in its lowest byte;
        Vyper would take two.
"""

_SHORT: constant(uint256) = 31

# @dev key -> up to 31 bytes from the top, their length in the lowest byte.
_short: HashMap[bytes32, uint256]

# @dev key -> 32 bytes and more.
_long: HashMap[bytes32, Bytes[1024]]


@internal
def _keep(key: bytes32, content: Bytes[1024]):
    """
    @dev Replaces what is kept under a key.
    @param key The key.
    @param content The bytes; empty removes them.
    """
    size: uint256 = len(content)
    if size > _SHORT:
        if self._short[key] != 0:
            self._short[key] = 0
        self._long[key] = content
        return
    word: uint256 = extract32(concat(content, empty(bytes32)), 0, output_type=uint256)
    self._short[key] = word | size
    if len(self._long[key]) != 0:
        self._long[key] = b""


@internal
@view
def _kept(key: bytes32) -> Bytes[1024]:
    """
    @dev What is kept under a key.
    @param key The key.
    @return Bytes[1024] The bytes; empty if there are none.
    """
    word: uint256 = self._short[key]
    if word != 0:
        return slice(convert(word, bytes32), 0, word & 255)
    return self._long[key]
