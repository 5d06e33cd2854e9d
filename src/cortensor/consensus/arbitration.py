# SPDX-License-Identifier: Apache-2.0
"""Arbitration: a validation of what a seller delivered, with a verdict that moves money.

The verdicts are those of the v3 specification. Who loses a dispute cannot ask again, so a verdict
needs more than the largest group: without it the dispute is INCONCLUSIVE, and nobody lost.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.consensus.decide import decide
from cortensor.consensus.outcome import VERDICT
from cortensor.consensus.vote import FAILED, Decision, Vote
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SELLER_VALID = "SELLER_VALID"
SELLER_INVALID = "SELLER_INVALID"
INCONCLUSIVE = "INCONCLUSIVE"

PARTIES = (SELLER_VALID, SELLER_INVALID)
"""Between whom a dispute is decided: the labels of its votes but for INCONCLUSIVE."""
DEFAULT_LEAST_BPS = 7_000
"""By Laplace's rule three of three and four of five suffice, two of three and one alone do not."""

RULINGS: Mapping[str, str] = MappingProxyType(
    {
        "VALID": SELLER_VALID,
        "INVALID": SELLER_INVALID,
        SELLER_VALID: SELLER_VALID,
        SELLER_INVALID: SELLER_INVALID,
    }
)
"""A replica's verdict -> whom it favours. Any other (RETRY, NEEDS_SPEC) favours nobody."""


def arbitrate(
    votes: Sequence[Vote], *, least_confidence_bps: int = DEFAULT_LEAST_BPS, **rule: Any
) -> Decision:
    """Decide a dispute.

    A replica that favours nobody votes INCONCLUSIVE. The outcome is SELLER_VALID or SELLER_INVALID
    if that group leads alone, at or above the agreement threshold, with the least confidence or
    more; INCONCLUSIVE otherwise; FAILED without any vote.

    Args:
        votes: one per executed replica, with verdicts of a validation or an arbitration.
        least_confidence_bps: confidence that a ruling needs.
        rule: arguments of `decide`, but for equivalence and labels.

    Returns:
        The decision. An INCONCLUSIVE for want of confidence has no winner and confidence 0.

    Raises:
        InvalidInput: as `decide`, and for arguments that arbitration fixes.
    """
    if rule.keys() & {"equivalence", "labels", "scale", "tolerance_millionths"}:
        raise InvalidInput("is fixed in arbitration", field="consensus")
    ruled = [
        msgspec.structs.replace(vote, label=RULINGS.get(vote.label, INCONCLUSIVE))
        if vote.label is not None
        else vote
        for vote in votes
    ]
    decision = decide(ruled, equivalence=VERDICT, labels=PARTIES, **rule)
    return ruling(decision, least_confidence_bps)


def ruling(decision: Decision, least_confidence_bps: int = DEFAULT_LEAST_BPS) -> Decision:
    """Return the decision of a dispute's votes as its ruling; see `arbitrate`.

    Args:
        decision: over SELLER_VALID, SELLER_INVALID and INCONCLUSIVE.
        least_confidence_bps: confidence that a ruling needs.
    """
    if decision.outcome == FAILED or _is_ruling(decision, least_confidence_bps):
        return decision
    if decision.outcome == INCONCLUSIVE and not decision.strong_disagreement:
        return decision
    voted = tuple(index for index, _ in decision.groups)
    return msgspec.structs.replace(
        decision,
        outcome=INCONCLUSIVE,
        winner=(),
        dissent=voted,
        representative=None,
        confidence_bps=0,
    )


def _is_ruling(decision: Decision, least_confidence_bps: int) -> bool:
    return (
        decision.outcome in {SELLER_VALID, SELLER_INVALID}
        and bool(decision.winner)
        and not decision.strong_disagreement
        and decision.confidence_bps >= least_confidence_bps
    )
