# SPDX-License-Identifier: Apache-2.0
"""Who bears what settlement costs: exact shares of an amount, to the last wei.

What a settlement costs is a fixed part and one storage word a session, not a part for each receipt.
So a batch's fee is borne by its sessions alike, and by a session's receipts alike: a session with a
thousand receipts in a batch bears what one with a single receipt does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

K = TypeVar("K", bound="Hashable")


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Return shares of an amount in proportion to weights; they sum to it exactly.

    Each is rounded down; what is left goes, one unit each, to the largest remainders, and among
    equal ones to the first. Without any weight all count alike.

    Args:
        amount: what to split; not negative.
        weights: one a share; not negative. There must be at least one.
    """
    total = sum(weights)
    if total == 0:
        weights, total = [1] * len(weights), len(weights)
    shares = [amount * weight // total for weight in weights]
    left = amount - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % total))
    for place in by_remainder[:left]:
        shares[place] += 1
    return shares


def attribute(amount: int, sessions: Sequence[K]) -> list[int]:
    """Return each receipt's share of what its batch cost.

    Args:
        amount: a fee in wei, or gas.
        sessions: the session of each receipt in the batch, at least one.
    """
    places: dict[K, list[int]] = {}
    for place, session in enumerate(sessions):
        places.setdefault(session, []).append(place)
    shares = [0] * len(sessions)
    for part, mine in zip(split(amount, [1] * len(places)), places.values(), strict=True):
        for share, place in zip(split(part, [1] * len(mine)), mine, strict=True):
            shares[place] = share
    return shares
