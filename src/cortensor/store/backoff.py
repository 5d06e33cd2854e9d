# SPDX-License-Identifier: Apache-2.0
"""How long what failed is left alone before it is tried again."""

from __future__ import annotations

FIRST_S = 60
LONGEST_S = 6 * 3600
LATEST = 2**63 - 1
"""The last moment there is, in unix seconds: what is put off until some time comes before it."""


def delay_s(tries: int) -> int:
    """Return the seconds after the last of `tries` failures (at least 1): a minute, then doubling.

    Never more than six hours, so that what heals by itself (a bond, a permission, a pool) is found
    healed within a window of stake, which is a day at least.
    """
    doublings = min(tries - 1, LONGEST_S.bit_length())
    return min(FIRST_S << doublings, LONGEST_S)
