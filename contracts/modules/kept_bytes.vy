# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Bytes by key, as cheap as their length allows
@custom:contract-name kept_bytes
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Up to 31 bytes lie in one slot with their length; up to 96 in as many
        slots as they fill and one for the length; more than that as the code
        of an account that returns them. A byte of code costs 200 gas and a
        byte of new storage 690, but an account costs 32,000, and what lies in
        slots is cheaper to replace.
@dev    Words of content that a shorter one replaced stay behind, and nothing
        reads them.
"""

_SHORT: constant(uint256) = 31
_WORDS: constant(uint256) = 3
_MAX: constant(uint256) = 8192
# @dev The lowest byte of a head whose content is code.
_IS_CODE: constant(uint256) = 255

# @dev The most that lies in slots.
IN_WORDS: constant(uint256) = 96
# @dev Initcode is PUSH2, `_code_bytes`, CODE and the content. It runs
#          dup1, push1 10, returndatasize, codecopy, returndatasize, return
#      which returns what follows, as the account's code:
#          push1 11, codesize, sub, dup1, push1 11, returndatasize, codecopy,
#          returndatasize, return
#      which returns what follows it, and never runs into it.
PUSH2: constant(Bytes[1]) = x"61"
CODE: constant(Bytes[18]) = x"80600a3d393df3600b380380600b3d393df3"
_SERVING: constant(uint256) = 11

# @dev key -> head: up to 31 bytes from the top, their length in the lowest byte;
#      or that of `_words`; or an account << 8 | 255.
_heads: HashMap[bytes32, uint256]

# @dev key -> 32 to 96 bytes.
_words: HashMap[bytes32, bytes32[_WORDS]]


@internal
def _keep(key: bytes32, content: Bytes[IN_WORDS]):
    """
    @dev Replaces what is kept under a key.
    @param key The key.
    @param content The bytes; empty removes them.
    """
    # Zeros behind it, for what its last word has beyond its end.
    padded: Bytes[IN_WORDS + 32] = concat(content, empty(bytes32))
    size: uint256 = len(content)
    if size <= _SHORT:
        self._heads[key] = extract32(padded, 0, output_type=uint256) | size
        return
    self._heads[key] = size
    for i: uint256 in range((size + 31) // 32, bound=_WORDS):
        self._words[key][i] = extract32(padded, 32 * i)


@internal
def _keep_code(key: bytes32, account: address):
    """
    @dev Replaces what is kept under a key by what an account's code holds. The
         contract makes the account: handing the content on would copy it, and
         have everybody who calls the contract pay for the room.
    @param key The key.
    @param account Made of PUSH2, `_code_bytes`, CODE and the content.
    """
    self._heads[key] = convert(account, uint256) << 8 | _IS_CODE


@internal
@pure
def _code_bytes(size: uint256) -> bytes2:
    """
    @dev The size of the code that holds a content.
    @param size The content's, at most 8,192.
    @return bytes2 The code's.
    """
    return convert(convert(size + _SERVING, uint16), bytes2)


@internal
@view
def _kept(key: bytes32) -> Bytes[_MAX]:
    """
    @dev What is kept under a key.
    @param key The key.
    @return Bytes[8192] The bytes; empty if there are none.
    """
    head: uint256 = self._heads[key]
    size: uint256 = head & 255
    if size == _IS_CODE:
        return raw_call(convert(head >> 8, address), b"", max_outsize=_MAX, is_static_call=True)
    if size <= _SHORT:
        return slice(convert(head, bytes32), 0, size)
    words: bytes32[_WORDS] = self._words[key]
    return slice(concat(words[0], words[1], words[2]), 0, size)
