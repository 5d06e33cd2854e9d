# SPDX-License-Identifier: Apache-2.0
"""What a call will likely cost and take, by how its compute sessions did lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.pricing import Usage
from cortensor.router.schemas import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.router.quoting import Quote
    from cortensor.router.selection import Slot


def estimated(made: Quote, slots: Sequence[Slot]) -> Estimate:
    """Return the estimate of a quote: null in what one of its sessions is unknown for.

    A call takes as long as its slowest replica; one that waits for a place first takes longer.
    """
    stats = [slot.stats for slot in slots]
    means = [each.mean_s() for each in stats]
    slow = [each.recent_p95_s() for each in stats]
    return Estimate(
        charge_wei=_charge(made, slots),
        latency_ms=_longest(means),
        slow_ms=_longest(slow),
    )


def _longest(seconds: Sequence[float | None]) -> int | None:
    known = [each for each in seconds if each is not None]
    return round(max(known) * 1000) if known and len(known) == len(seconds) else None


def _charge(made: Quote, slots: Sequence[Slot]) -> str | None:
    """Return the price of the sessions' usual usage, never more than the quote."""
    usual = [(slot.stats.usual_output(), slot.stats.usual_input_share()) for slot in slots]
    outputs = [output for output, _ in usual if output is not None]
    shares = [share for _, share in usual if share is not None]
    if not slots or len(outputs) < len(slots) or len(shares) < len(slots):
        return None
    usage = Usage(
        input_units=min(
            made.usage.input_units, round(made.usage.input_units * sum(shares) / len(shares))
        ),
        output_units=min(made.usage.output_units, round(sum(outputs))),
        missing_replicas=made.usage.missing_replicas,
    )
    return str(made.price(usage).total)
