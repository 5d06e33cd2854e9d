# SPDX-License-Identifier: Apache-2.0
"""SessionPaymentTable.quote: one example by hand, the limits of its arguments, the surcharge."""

from __future__ import annotations

from bisect import bisect_left

import boa
import msgspec
import pytest

from cortensor.errors import InvalidInput
from cortensor.pricing import Terms, Usage, quote
from tests.contracts.protocol import REFERENCE_CARD, U96, deploy_table, travel

USAGE = Usage(input_units=1_000, output_units=200, validator_units=50)


def field(offset: int, value: int) -> int:
    """Return the packed plain terms with one byte replaced."""
    return Terms().pack() & ~(255 << offset) | value << offset


def test_by_hand(table):
    terms = Terms(
        sla_tier=2,
        model_class=1,
        execution_depth=2,
        tool_depth=1,
        validator_depth=1,
        replicas=3,
        consensus_method=1,
        disagreement_policy=1,
        agreement_threshold_bps=6_667,
        volume_tier=1,
        surcharge_cap_bps=500,
    )
    usage = Usage(
        input_units=900, output_units=210, validator_units=40, failed_replicas=1, late_replicas=1
    )
    total, lines = table.quote(1, 0, terms.pack(), usage.pack())
    base = 3 * 10**15 + 900 * 3 * 10**11 + 210 * 12 * 10**11
    assert base == 3_522_000_000_000_000
    sla = 528_300_000_000_000  # 15% of the base
    depth = 369_810_000_000_000  # 2 * 3% + 4.5% of the base
    work = base + sla + depth
    assert work == 4_420_110_000_000_000
    redundancy = 110_502_750_000_000  # 2.5% of the work
    consensus = 191_542_814_784_000  # 1% + 1.2% + 3.2% * 66.67% of the work
    validation = 40 * 5 * 10**11 + 309_407_700_000_000  # 7% of the work
    gross = work + redundancy + consensus + validation
    replica_rebate = gross * 14_000 // 30_000  # one failed at 100%, one late at 40%, of three
    volume_rebate = (gross - replica_rebate) * 250 // 10_000
    rebates = replica_rebate + volume_rebate
    assert lines == [base, sla, depth, redundancy, consensus, validation, 0, rebates]
    assert total == gross - rebates


def test_all_replicas_failed_costs_nothing(table):
    terms = Terms(replicas=5)
    total, lines = table.quote(1, 0, terms.pack(), Usage(failed_replicas=5).pack())
    assert total == 0
    assert lines[7] == sum(lines[:7]) > 0


def test_a_missing_replica_has_a_rebate_of_its_own(protocol):
    card = msgspec.structs.replace(
        REFERENCE_CARD, late_rebate_bps=1_000, failed_rebate_bps=5_000, missing_rebate_bps=9_000
    )
    table = deploy_table(protocol.owner, protocol.oracle, card=card)
    terms = Terms(replicas=5).pack()
    gross = table.quote(1, 0, terms, USAGE.pack())[0]
    for fault, bps in (("late", 1_000), ("failed", 5_000), ("missing", 9_000)):
        usage = msgspec.structs.replace(USAGE, **{f"{fault}_replicas": 2})
        total, lines = table.quote(1, 0, terms, usage.pack())
        assert lines[7] == gross * 2 * bps // 50_000
        assert total == gross - lines[7]


def test_no_replica_ran_costs_nothing(table):
    terms = Terms(replicas=5)
    total, lines = table.quote(1, 0, terms.pack(), Usage(missing_replicas=5).pack())
    assert total == 0
    assert lines[7] == sum(lines[:7]) > 0


@pytest.mark.parametrize(("cap", "applied"), [(0, 0), (399, 399), (400, 400), (65_535, 400)])
def test_surcharge_is_the_epochs_and_at_most_the_cap(protocol, table, cap, applied):
    table.post_surcharge(400, sender=protocol.oracle)
    terms = Terms(surcharge_cap_bps=cap).pack()
    _, lines = table.quote(1, 1, terms, USAGE.pack())
    assert lines[6] == -(-sum(lines[:6]) * applied // 10_000)
    assert table.quote(1, 0, terms, USAGE.pack())[1][6] == 0


def test_a_waiting_card_can_be_quoted(protocol, table):
    table.publish(table.card(1), sender=protocol.owner)
    words = Terms().pack(), USAGE.pack()
    assert table.current_version() == 1
    assert table.quote(2, 0, *words) == table.quote(1, 0, *words)


def test_route_hint_is_not_priced(table):
    plain = table.quote(1, 0, Terms().pack(), USAGE.pack())
    assert table.quote(1, 0, Terms(route_hint=2**32 - 1).pack(), USAGE.pack()) == plain


@pytest.mark.parametrize("version", [0, 2, 2**256 - 1])
def test_refuses_unknown_versions(table, version):
    with boa.reverts("table: unknown version"):
        table.quote(version, 0, Terms().pack(), USAGE.pack())


def test_refuses_unknown_epochs(protocol, table):
    with boa.reverts("table: unknown surcharge epoch"):
        table.quote(1, 1, Terms().pack(), USAGE.pack())
    travel(600)
    table.post_surcharge(1, sender=protocol.oracle)
    assert table.quote(1, 1, Terms().pack(), USAGE.pack())[0] > 0


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (Terms().pack() | 1 << 136, "job: stray terms bits"),
        (Terms().pack() | 1 << 255, "job: stray terms bits"),
        (field(0, 4), "job: unknown sla tier"),
        (field(8, 4), "job: unknown model class"),
        (field(40, 0), "job: replicas not 1, 3 or 5"),
        (field(40, 2), "job: replicas not 1, 3 or 5"),
        (field(40, 4), "job: replicas not 1, 3 or 5"),
        (field(40, 7), "job: replicas not 1, 3 or 5"),
        (field(48, 8), "job: unknown consensus method"),
        (field(56, 3), "job: unknown policy"),
        (Terms(agreement_threshold_bps=10_001).pack(), "job: threshold over 100%"),
        (field(80, 4), "job: unknown volume tier"),
    ],
)
def test_refuses_unpriced_terms(table, word, reason):
    with boa.reverts(reason):
        table.quote(1, 0, word, USAGE.pack())


@pytest.mark.parametrize(
    "terms",
    [
        Terms(sla_tier=3, model_class=3, consensus_method=7, disagreement_policy=2),
        Terms(agreement_threshold_bps=10_000, volume_tier=3, replicas=5, surcharge_cap_bps=65_535),
        Terms(execution_depth=255, tool_depth=255, validator_depth=255, agreement_threshold_bps=0),
    ],
)
def test_prices_terms_at_their_limits(table, terms):
    assert table.quote(1, 0, terms.pack(), USAGE.pack())[0] > 0


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        (USAGE.pack() | 1 << 168, "job: stray usage bits"),
        (USAGE.pack() | 1 << 255, "job: stray usage bits"),
        (Usage(failed_replicas=4).pack(), "job: faults over replicas"),
        (Usage(late_replicas=4).pack(), "job: faults over replicas"),
        (Usage(missing_replicas=4).pack(), "job: faults over replicas"),
        (Usage(failed_replicas=2, late_replicas=2).pack(), "job: faults over replicas"),
        (Usage(late_replicas=2, missing_replicas=2).pack(), "job: faults over replicas"),
        (
            Usage(failed_replicas=2, late_replicas=1, missing_replicas=1).pack(),
            "job: faults over replicas",
        ),
        (
            Usage(failed_replicas=255, late_replicas=255, missing_replicas=255).pack(),
            "job: faults over replicas",
        ),
    ],
)
def test_refuses_impossible_usage(table, usage, reason):
    terms = Terms(replicas=3).pack()
    most = Usage(failed_replicas=1, late_replicas=1, missing_replicas=1)
    assert table.quote(1, 0, terms, most.pack())
    with boa.reverts(reason):
        table.quote(1, 0, terms, usage)


def test_the_largest_total_is_the_last_of_uint96(table):
    dear = Terms(model_class=3, execution_depth=255, tool_depth=255, validator_depth=255)

    def fits(units: int) -> bool:
        try:
            return quote(REFERENCE_CARD, 0, dear, Usage(output_units=units)).total <= U96
        except InvalidInput:
            return False

    first = bisect_left(range(2**48), True, key=lambda units: not fits(units))
    assert 0 < first < 2**48 - 1
    assert table.quote(1, 0, dear.pack(), Usage(output_units=first - 1).pack())[0] <= U96
    for units in (first, 2 * first):
        with boa.reverts("table: total exceeds uint96"):
            table.quote(1, 0, dear.pack(), Usage(output_units=units).pack())


def test_refuses_a_total_above_uint96(table):
    # The frontier class, no premium: 10**15 + 108e11 a token.
    plain = Terms(model_class=3, agreement_threshold_bps=0)
    most = 2**48 - 1
    dear = Terms(model_class=3, execution_depth=255, tool_depth=255, validator_depth=255)
    assert table.quote(1, 0, plain.pack(), Usage(output_units=most).pack())[0] <= U96
    with boa.reverts("table: total exceeds uint96"):
        table.quote(1, 0, dear.pack(), Usage(output_units=most, input_units=most).pack())
