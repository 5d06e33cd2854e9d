# SPDX-License-Identifier: Apache-2.0
"""Packing of small unsigned fields into one 256-bit word, least significant field first."""

from __future__ import annotations

from collections.abc import Mapping

from cortensor.errors import InvalidInput

WORD_BITS = 256

Layout = Mapping[str, tuple[int, int]]
"""Field name -> (offset, width), both in bits."""


def require_uint(value: object, bits: int, field: str) -> int:
    """Return `value` if it is an int (not a bool) in `0 .. 2**bits - 1`.

    Raises:
        InvalidInput: naming `field`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput("must be an integer", field=field)
    if value < 0:
        raise InvalidInput("must not be negative", field=field)
    if value >> bits:
        raise InvalidInput(f"must fit {bits} bits (at most {(1 << bits) - 1})", field=field)
    return value


def pack_word(layout: Layout, values: Mapping[str, int], module: str) -> int:
    """Pack `values` by `layout` into a word.

    Raises:
        InvalidInput: if a value does not fit its field; `field` is `<module>.<name>`.
    """
    word = 0
    for name, (offset, width) in layout.items():
        value = values[name]
        if type(value) is not int or value >> width:  # a negative one shifts to -1
            require_uint(value, width, f"{module}.{name}")
        word |= value << offset
    return word


def unpack_word(layout: Layout, word: int, module: str) -> dict[str, int]:
    """Unpack a word by `layout`.

    Raises:
        InvalidInput: if the word is not a uint256 or sets a bit outside every field: such bits
            are reserved, and a word with them would have two readings later.
    """
    require_uint(word, WORD_BITS, module)
    values = {}
    known = 0
    for name, (offset, width) in layout.items():
        mask = (1 << width) - 1
        values[name] = (word >> offset) & mask
        known |= mask << offset
    if word & ~known:
        raise InvalidInput(f"job: stray {module} bits", field=module)
    return values
