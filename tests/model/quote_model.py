# SPDX-License-Identifier: Apache-2.0
"""The price of a job as docs/spec/session-payment-table.md states it, in exact fractions.

Written from the page and not from the contract or the package: fractions and one rounding a line,
where those two use scaled integers. A mistake would have to be made three times to pass.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

MOST_WEI = 2**96 - 1
REPLICAS = (1, 3, 5)


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the model, no fault in it
    """The job has no price; the message is the contract's reason."""


def rate(bps: int) -> Fraction:
    """Return basis points as a fraction."""
    return Fraction(bps, 10_000)


def _faults(usage: Any) -> int:
    return usage.failed_replicas + usage.late_replicas + usage.missing_replicas


def _refuse(terms: Any, usage: Any) -> str | None:
    reasons = {
        "job: unknown sla tier": terms.sla_tier not in range(4),
        "job: unknown model class": terms.model_class not in range(4),
        "job: replicas not 1, 3 or 5": terms.replicas not in REPLICAS,
        "job: unknown consensus method": terms.consensus_method not in range(8),
        "job: unknown policy": terms.disagreement_policy not in range(3),
        "job: threshold over 100%": rate(terms.agreement_threshold_bps) > 1,
        "job: unknown volume tier": terms.volume_tier not in range(4),
        "job: faults over replicas": _faults(usage) > terms.replicas,
    }
    return next((reason for reason, is_at_fault in reasons.items() if is_at_fault), None)


def price(card: Any, epoch_bps: int, terms: Any, usage: Any) -> tuple[int, list[int]]:
    """Return (total, eight lines) in wei.

    Args:
        card: an object with the card's fields.
        epoch_bps: the surcharge of the job's epoch.
        terms: an object with the fields of the terms.
        usage: an object with the fields of the usage.

    Raises:
        Refused: if the table has no price for the job.
    """
    reason = _refuse(terms, usage)
    if reason is not None:
        raise Refused(reason)

    model = terms.model_class
    base = (
        terms.replicas * card.task_wei
        + usage.input_units * card.input_unit_wei[model]
        + usage.output_units * card.output_unit_wei[model]
    )
    sla = ceil(base * rate(card.sla_bps[terms.sla_tier]))
    steps = terms.execution_depth * rate(card.execution_depth_bps)
    levels = terms.tool_depth * rate(card.tool_depth_bps)
    depth = ceil(base * (steps + levels))
    work = base + sla + depth

    redundancy = ceil(work * rate(card.redundancy_bps[REPLICAS.index(terms.replicas)]))
    consensus = ceil(
        work
        * (
            rate(card.consensus_bps[terms.consensus_method])
            + rate(card.disagreement_bps[terms.disagreement_policy])
            + rate(card.threshold_bps) * rate(terms.agreement_threshold_bps)
        )
    )
    validation = usage.validator_units * card.validator_unit_wei + ceil(
        work * terms.validator_depth * rate(card.validator_depth_bps)
    )
    before_surcharge = work + redundancy + consensus + validation
    surcharge = ceil(before_surcharge * rate(min(epoch_bps, terms.surcharge_cap_bps)))
    gross = before_surcharge + surcharge

    share_of_a_replica = Fraction(gross, terms.replicas)
    faults = (
        usage.failed_replicas * rate(card.failed_rebate_bps)
        + usage.late_replicas * rate(card.late_rebate_bps)
        + usage.missing_replicas * rate(card.missing_rebate_bps)
    )
    replica_rebate = floor(share_of_a_replica * faults)
    volume_rebate = floor(
        (gross - replica_rebate) * rate(card.volume_rebate_bps[terms.volume_tier])
    )
    rebates = replica_rebate + volume_rebate
    total = gross - rebates
    if total > MOST_WEI:
        raise Refused("table: total exceeds uint96")
    return total, [base, sla, depth, redundancy, consensus, validation, surcharge, rebates]
