# SPDX-License-Identifier: Apache-2.0
"""The quote's figures by hand, and its refusals."""

from __future__ import annotations

import msgspec
import pytest

from cortensor.errors import InvalidInput
from cortensor.pricing import Lines, RateCard, Terms, Usage, quote
from cortensor.pricing.quote import rebates_of

CARD = RateCard(
    task_wei=1_000,
    input_unit_wei=(1, 2, 3, 4),
    output_unit_wei=(10, 20, 30, 40),
    validator_unit_wei=5,
    sla_bps=(0, 500, 1_000, 2_500),
    execution_depth_bps=100,
    tool_depth_bps=250,
    validator_depth_bps=333,
    redundancy_bps=(0, 700, 1_100),
    consensus_bps=(100, 200, 300, 400, 500, 600, 0, 0),
    threshold_bps=50,
    disagreement_bps=(0, 30, 60),
    failed_rebate_bps=9_000,
    late_rebate_bps=2_000,
    missing_rebate_bps=9_500,
    volume_rebate_bps=(0, 100, 250, 500),
    node_share_bps=7_000,
    validator_share_bps=1_000,
)
TERMS = Terms(
    sla_tier=1,
    model_class=2,
    execution_depth=2,
    tool_depth=1,
    validator_depth=1,
    replicas=3,
    consensus_method=0,
    disagreement_policy=1,
    agreement_threshold_bps=5_001,
    volume_tier=1,
    surcharge_cap_bps=300,
)
USAGE = Usage(
    input_units=101, output_units=57, validator_units=7, failed_replicas=1, late_replicas=1
)


def test_every_line_by_hand() -> None:
    bill = quote(CARD, 900, TERMS, USAGE)
    # base 3*1000 + 101*3 + 57*30; sla 5 %; depth 2*1 % + 2.5 %; work 5489
    # consensus rate (100+30)*1e4 + 50*5001 = 1,550,050 over 1e8; surcharge capped at 3 %
    assert bill.lines == Lines(
        base=5_013,
        sla=251,
        depth=226,
        redundancy=385,
        consensus=86,
        validation=218,
        surcharge=186,
        rebates=2_333 + 40,
    )
    assert bill.total == 6_365 - 2_373


def test_faults_have_rebates_of_their_own() -> None:
    terms, plain = msgspec.structs.replace(TERMS, volume_tier=0), Usage(input_units=10**6)
    gross = quote(CARD, 0, terms, plain).total
    for fault, bps in (("late", 2_000), ("failed", 9_000), ("missing", 9_500)):
        usage = msgspec.structs.replace(plain, **{f"{fault}_replicas": 2})
        assert quote(CARD, 0, terms, usage).lines.rebates == gross * 2 * bps // 30_000


def test_rebates_come_in_two_parts() -> None:
    bill = quote(CARD, 900, TERMS, USAGE)
    assert rebates_of(CARD, 6_365, TERMS, USAGE) == (2_333, 40)
    assert sum(rebates_of(CARD, 6_365, TERMS, USAGE)) == bill.lines.rebates


def test_an_idle_job_costs_its_task_fees() -> None:
    free = msgspec.structs.replace(CARD, consensus_bps=(0,) * 8, threshold_bps=0)
    assert quote(free, 0, Terms(agreement_threshold_bps=0), Usage()).total == 1_000


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"sla_tier": 4}, "job: unknown sla tier", "terms.sla_tier"),
        ({"model_class": 4}, "job: unknown model class", "terms.model_class"),
        ({"replicas": 2}, "job: replicas not 1, 3 or 5", "terms.replicas"),
        ({"replicas": 0}, "job: replicas not 1, 3 or 5", "terms.replicas"),
        ({"consensus_method": 8}, "job: unknown consensus method", "terms.consensus_method"),
        ({"disagreement_policy": 3}, "job: unknown policy", "terms.disagreement_policy"),
        (
            {"agreement_threshold_bps": 10_001},
            "job: threshold over 100%",
            "terms.agreement_threshold_bps",
        ),
        ({"volume_tier": 4}, "job: unknown volume tier", "terms.volume_tier"),
    ],
)
def test_refuses_unpriced_terms_as_the_contract_does(
    changes: dict[str, int], reason: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        quote(CARD, 0, msgspec.structs.replace(TERMS, **changes), USAGE)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert caught.value.code == "unpriced_terms"


def test_refuses_more_faults_than_replicas() -> None:
    usage = msgspec.structs.replace(USAGE, failed_replicas=2, late_replicas=2)
    with pytest.raises(InvalidInput, match="job: faults over replicas"):
        quote(CARD, 0, TERMS, usage)
    quote(CARD, 0, TERMS, msgspec.structs.replace(usage, late_replicas=1))
    usage = Usage(failed_replicas=1, late_replicas=1, missing_replicas=2)
    with pytest.raises(InvalidInput, match="job: faults over replicas"):
        quote(CARD, 0, TERMS, usage)
    quote(CARD, 0, TERMS, msgspec.structs.replace(usage, missing_replicas=1))


def test_refuses_a_total_beyond_uint96() -> None:
    dear = msgspec.structs.replace(CARD, task_wei=2**96 - 1)
    with pytest.raises(InvalidInput, match="table: total exceeds uint96"):
        quote(dear, 0, TERMS, USAGE)


def test_a_total_of_exactly_uint96_passes() -> None:
    free = msgspec.structs.replace(
        CARD, task_wei=2**96 - 1, consensus_bps=(0,) * 8, threshold_bps=0
    )
    assert quote(free, 0, Terms(), Usage()).total == 2**96 - 1


@pytest.mark.parametrize("surcharge", [-1, 2**16, True, "5"])
def test_refuses_a_surcharge_that_is_no_uint16(surcharge: object) -> None:
    with pytest.raises(InvalidInput, match="surcharge_bps"):
        quote(CARD, surcharge, TERMS, USAGE)  # type: ignore[arg-type]
