# SPDX-License-Identifier: Apache-2.0
"""A score out of an answer: a JSON number, or one field of a JSON object, in the caller's unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from cortensor.consensus.equivalence import parse_json
from cortensor.consensus.numeric import rounded
from cortensor.errors import InvalidInput

MOST_SCORE = 10**30
"""Scores beyond this on either side are no votes; receipts hold all others."""


def read_score(text: str, field: str | None = None, decimals: int = 0) -> int | None:
    """Return the number in an answer times 10^decimals, rounded half to even, or None.

    Args:
        text: the answer; a Markdown fence around the JSON is removed.
        field: the key that holds the number, or None if the answer is the number.
        decimals: decimal places of the unit, 0 or more: 2 for cents of a price in euros.
    """
    try:
        value = parse_json(text)
    except InvalidInput:
        return None
    if field is not None:
        value = value.get(field) if isinstance(value, dict) else None
    if not isinstance(value, Decimal):
        return None
    score = rounded(Fraction(value) * Fraction(10) ** decimals)
    return score if abs(score) <= MOST_SCORE else None
