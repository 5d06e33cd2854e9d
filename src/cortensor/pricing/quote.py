# SPDX-License-Identifier: Apache-2.0
"""The price of a job: the same integers as `SessionPaymentTable.quote`, bit for bit.

Charges round up and rebates round down, each once per line, so the payer never pays more than the
card says by more than a wei a line, and splitting a job never makes it cheaper.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cortensor.errors import InvalidInput
from cortensor.pricing.bits import require_uint
from cortensor.pricing.card import BPS, RateCard
from cortensor.pricing.money import MAX_AMOUNT_WEI
from cortensor.pricing.terms import (
    DISAGREEMENT_POLICIES,
    MODEL_CLASSES,
    REPLICA_COUNTS,
    SLA_TIERS,
    Terms,
)

if TYPE_CHECKING:
    from cortensor.pricing.usage import Usage

LINE_NAMES = (
    "base",
    "sla",
    "depth",
    "redundancy",
    "consensus",
    "validation",
    "surcharge",
    "rebates",
)


class Lines(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The itemised bill in wei; `rebates` is positive and subtracted."""

    base: int
    sla: int
    depth: int
    redundancy: int
    consensus: int
    validation: int
    surcharge: int
    rebates: int

    def as_tuple(self) -> tuple[int, ...]:
        """Return the eight lines in the contract's order."""
        return msgspec.structs.astuple(self)

    def to_json(self) -> dict[str, str]:
        """Return the lines by name as decimal strings of wei."""
        return {name: str(getattr(self, name)) for name in LINE_NAMES}


class Bill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A priced job: `total` wei = the first seven lines minus the rebates."""

    total: int
    lines: Lines


def _ceil(amount: int, rate: int, denominator: int) -> int:
    """Return amount * rate / denominator rounded up: charges round against the payer by < 1 wei."""
    return -(-amount * rate // denominator)


def _floor(amount: int, rate: int, denominator: int) -> int:
    """Return amount * rate / denominator rounded down: rebates never exceed their rate."""
    return amount * rate // denominator


@lru_cache(maxsize=256)
def check_terms(card: RateCard, terms: Terms) -> None:
    """Refuse terms the table has no price for, with the contract's reasons.

    Raises:
        InvalidInput: with reason `table: …` and the field.
    """
    terms.pack()
    for known, field, reason in (
        (terms.sla_tier < len(SLA_TIERS), "sla_tier", "unknown sla tier"),
        (terms.model_class < len(MODEL_CLASSES), "model_class", "unknown model class"),
        (terms.replicas in REPLICA_COUNTS, "replicas", "replicas not 1, 3 or 5"),
        (
            terms.consensus_method < len(card.consensus_bps),
            "consensus_method",
            "unknown consensus method",
        ),
        (
            terms.disagreement_policy < len(DISAGREEMENT_POLICIES),
            "disagreement_policy",
            "unknown policy",
        ),
        (terms.agreement_threshold_bps <= BPS, "agreement_threshold_bps", "threshold over 100%"),
        (terms.volume_tier < len(card.volume_rebate_bps), "volume_tier", "unknown volume tier"),
    ):
        if not known:
            raise InvalidInput(f"job: {reason}", field=f"terms.{field}", code="unpriced_terms")


def quote(card: RateCard, surcharge_bps: int, terms: Terms, usage: Usage) -> Bill:
    """Price a job.

    Args:
        card: the session's pinned rate card.
        surcharge_bps: the surcharge of the epoch in which the job was reserved, uint16.
        terms: what was agreed.
        usage: what was consumed.

    Returns:
        The total and its lines in wei.

    Raises:
        InvalidInput: where the contract would revert, with the same reason.
    """
    require_uint(surcharge_bps, 16, "surcharge_bps")
    check_terms(card, terms)
    usage.pack()
    if usage.failed_replicas + usage.late_replicas + usage.missing_replicas > terms.replicas:
        raise InvalidInput(
            "job: faults over replicas", field="usage.failed_replicas", code="unpriced_usage"
        )
    lines = _lines(card, surcharge_bps, terms, usage)
    total = sum(lines.as_tuple()[:-1]) - lines.rebates
    if total > MAX_AMOUNT_WEI:
        raise InvalidInput("table: total exceeds uint96", field="total", code="unpriced_usage")
    return Bill(total, lines)


def _lines(card: RateCard, surcharge_bps: int, terms: Terms, usage: Usage) -> Lines:
    base = (
        terms.replicas * card.task_wei
        + usage.input_units * card.input_unit_wei[terms.model_class]
        + usage.output_units * card.output_unit_wei[terms.model_class]
    )
    sla = _ceil(base, card.sla_bps[terms.sla_tier], BPS)
    depth_bps = (
        terms.execution_depth * card.execution_depth_bps + terms.tool_depth * card.tool_depth_bps
    )
    depth = _ceil(base, depth_bps, BPS)
    work = base + sla + depth
    redundancy = _ceil(work, card.redundancy_bps[(terms.replicas - 1) // 2], BPS)
    method_bps = (
        card.consensus_bps[terms.consensus_method]
        + card.disagreement_bps[terms.disagreement_policy]
    )
    # Two rates at different scales in one line: over 1e8, so that the line rounds once.
    rate = method_bps * BPS + card.threshold_bps * terms.agreement_threshold_bps
    consensus = _ceil(work, rate, BPS * BPS)
    validation = usage.validator_units * card.validator_unit_wei + _ceil(
        work, terms.validator_depth * card.validator_depth_bps, BPS
    )
    applied_bps = min(surcharge_bps, terms.surcharge_cap_bps)
    surcharge = _ceil(work + redundancy + consensus + validation, applied_bps, BPS)
    gross = work + redundancy + consensus + validation + surcharge
    return Lines(
        base=base,
        sla=sla,
        depth=depth,
        redundancy=redundancy,
        consensus=consensus,
        validation=validation,
        surcharge=surcharge,
        rebates=sum(rebates_of(card, gross, terms, usage)),
    )


def rebates_of(card: RateCard, gross: int, terms: Terms, usage: Usage) -> tuple[int, int]:
    """Return the two parts of a bill's rebates in wei: for its replicas' faults, and for volume.

    Args:
        card: the session's pinned rate card.
        gross: the sum of the charge lines, wei.
        terms: what was agreed.
        usage: what was consumed.
    """
    fault_bps = (
        usage.failed_replicas * card.failed_rebate_bps
        + usage.late_replicas * card.late_rebate_bps
        + usage.missing_replicas * card.missing_rebate_bps
    )
    for_replicas = _floor(gross, fault_bps, terms.replicas * BPS)
    volume_bps = card.volume_rebate_bps[terms.volume_tier]
    return for_replicas, _floor(gross - for_replicas, volume_bps, BPS)
