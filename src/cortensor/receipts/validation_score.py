# SPDX-License-Identifier: Apache-2.0
"""A receipt as an ERC-8004 validation response: 0 to 100, and a tag.

The mirror of contracts/lib/verdict.vy. 51 to 100 for outcomes in the agent's favour, 0 to 49 for
those against it, 50 for those that decide nothing; away from 50 it is the confidence in percent,
rounded towards 50, so that it never says more than the receipt.
"""

from __future__ import annotations

from cortensor.errors import InvalidInput
from cortensor.pricing import CONSENSUS_METHODS, Terms
from cortensor.receipts.typed import OUTCOMES

UNDECIDED = 50
FAVOURABLE = frozenset({"OK", "VALID", "TRUE", "SELLER_VALID"})
ADVERSE = frozenset({"INVALID", "FALSE", "SELLER_INVALID"})

SELF, THIRD_PARTY = "self", "third-party"
SUPERSEDED_TAG, REVOKED_TAG = "receipt/v4:superseded", "receipt/v4:revoked"

_BPS = 10_000


def validation_score(outcome: str, confidence_bps: int) -> int:
    """Return the response that a receipt gives.

    Args:
        outcome: its name, of `OUTCOMES`.
        confidence_bps: the confidence in it, 0 to 10,000.

    Returns:
        0 to 100; above 50 in the agent's favour, below against it.

    Raises:
        InvalidInput: for an unknown outcome, or a confidence out of range.
    """
    if outcome not in OUTCOMES:
        raise InvalidInput(f"must be one of {', '.join(OUTCOMES)}", field="outcome")
    if not 0 <= confidence_bps <= _BPS:
        raise InvalidInput(f"must be from 0 to {_BPS}", field="confidence_bps")
    percent = max(confidence_bps // 100, UNDECIDED + 1)
    if outcome in FAVOURABLE:
        return percent
    return 100 - percent if outcome in ADVERSE else UNDECIDED


def validation_tag(terms: int, state: str) -> str:
    """Return the tag of an answer: `receipt/v4:majority:third-party`.

    Args:
        terms: the receipt's packed terms, which name the strategy.
        state: `SELF` or `THIRD_PARTY`.

    Raises:
        InvalidInput: for another state, or terms out of range.
    """
    if state not in (SELF, THIRD_PARTY):
        raise InvalidInput(f"must be {SELF} or {THIRD_PARTY}", field="state")
    method = Terms.unpack(terms).consensus_method
    strategy = CONSENSUS_METHODS[method] if method < len(CONSENSUS_METHODS) else "other"
    return f"receipt/v4:{strategy}:{state}"
