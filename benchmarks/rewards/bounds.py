# SPDX-License-Identifier: Apache-2.0
"""How large a share can be of which so many of so many were seen: Clopper and Pearson's bound."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

CONFIDENCE_BPS = 9_500
"""One-sided: the true share is over the bound in at most one study of twenty."""
PPM = 1_000_000
BPS = 10_000


def upper_ppm(seen: int, of: int) -> int:
    """Return the upper bound of a share in millionths, rounded up.

    It is the share at which so few, or fewer, are seen with a chance of one less the confidence
    (Clopper and Pearson 1934). For none of n that is 1 - 0.05^(1/n), the rule of three's 3/n.

    Args:
        seen: how many were, in independent draws.
        of: how many draws.
    """
    if seen >= of:
        return PPM
    low, high = 0, PPM
    while high - low > 1:
        middle = (low + high) // 2
        if _at_most(seen, of, middle / PPM) > 1 - CONFIDENCE_BPS / BPS:
            low = middle
        else:
            high = middle
    return high


def _at_most(seen: int, of: int, share: float) -> float:
    """Return the chance of `seen` or fewer of `of`, each with the chance `share`."""
    terms = (
        lgamma(of + 1)
        - lgamma(count + 1)
        - lgamma(of - count + 1)
        + count * log(share)
        + (of - count) * log1p(-share)
        for count in range(seen + 1)
    )
    return sum(exp(term) for term in terms)
