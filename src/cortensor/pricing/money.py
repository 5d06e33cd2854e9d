# SPDX-License-Identifier: Apache-2.0
"""Amounts of COR as exact text. Money is an int of wei everywhere; these are its only two edges."""

from __future__ import annotations

import re

from cortensor.errors import InvalidInput

COR_DECIMALS = 18
WEI_PER_COR: int = 10**COR_DECIMALS
MAX_AMOUNT_WEI: int = 2**96 - 1

_COR = re.compile(r"([0-9]{1,60})(?:\.([0-9]{1,18}))?")
_WEI = re.compile(r"0|[1-9][0-9]{0,77}")


def format_cor(wei: int) -> str:
    """Return wei as COR with every significant digit and no more: 1500000000000000000 -> "1.5"."""
    sign = "-" if wei < 0 else ""
    whole, rest = divmod(abs(wei), WEI_PER_COR)
    if rest == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:018d}".rstrip("0")


def parse_cor(text: str, field: str = "amount") -> int:
    """Return the wei of a plain decimal COR amount such as "0.25"; at most 18 decimals.

    Raises:
        InvalidInput: for signs, exponents, separators or more decimals than wei can hold.
    """
    match = _COR.fullmatch(text.strip())
    if match is None:
        raise InvalidInput("must be a decimal amount of COR, at most 18 decimals", field=field)
    return int(match[1]) * WEI_PER_COR + int((match[2] or "").ljust(COR_DECIMALS, "0"))


def parse_wei(value: object, field: str) -> int:
    """Return wei from an int or a canonical decimal string (no sign, no leading zero).

    Raises:
        InvalidInput: naming `field`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise InvalidInput("must not be negative", field=field)
        return value
    if isinstance(value, str) and _WEI.fullmatch(value):
        return int(value)
    raise InvalidInput("must be an integer or a decimal string of one", field=field)
