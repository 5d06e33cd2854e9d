# SPDX-License-Identifier: Apache-2.0
"""An oracle that raises the surcharge as fast and as far as it can."""

from __future__ import annotations

import boa
import msgspec
import pytest

from cortensor.pricing import Terms, Usage
from tests.contracts.disputes import Disputed, Draft
from tests.contracts.protocol import travel

UNITS = Usage(input_units=10_000, output_units=1_000).pack()


def price(table, epoch: int, cap: int) -> int:
    return table.quote(1, epoch, Terms(replicas=3, surcharge_cap_bps=cap).pack(), UNITS)[0]


@pytest.fixture
def pushed(table, protocol):
    """The oracle pushes for hours and gets as far as the contract lets it."""
    bps = 0
    for _ in range(20):
        bps = min(bps + table.MAX_SURCHARGE_STEP_BPS(), table.MAX_SURCHARGE_BPS())
        table.post_surcharge(bps, sender=protocol.oracle)
        travel(table.MIN_SURCHARGE_INTERVAL_SECONDS())
    return table.surcharge_epoch()


def test_a_session_pays_no_more_than_it_accepted(table, pushed):
    calm = price(table, 0, 0)
    assert price(table, pushed, 0) == calm
    assert price(table, pushed, 1_000) <= calm * 11_000 // 10_000 + 1
    assert price(table, pushed, 65_535) <= calm * 15_000 // 10_000 + 1


def test_yesterdays_job_keeps_yesterdays_surcharge(table, protocol, pushed):
    before = price(table, 3, 10_000)
    travel(table.MIN_SURCHARGE_INTERVAL_SECONDS())
    table.post_surcharge(4_900, sender=protocol.oracle)
    assert price(table, 3, 10_000) == before


def test_no_step_is_larger_and_none_comes_sooner(table, protocol, pushed):
    with boa.reverts("table: surcharge over maximum"):
        table.post_surcharge(table.MAX_SURCHARGE_BPS() + 1, sender=protocol.oracle)
    table.post_surcharge(4_800, sender=protocol.oracle)
    with boa.reverts("table: surcharge too soon"):
        table.post_surcharge(4_900, sender=protocol.oracle)
    travel(table.MIN_SURCHARGE_INTERVAL_SECONDS())
    with boa.reverts("table: surcharge step too large"):
        table.post_surcharge(4_299, sender=protocol.oracle)


def test_a_cap_in_the_terms_above_the_sessions_is_refunded():
    """A router that writes a higher cap into a receipt than the session accepted."""
    own = Disputed()
    for bps in range(500, 5_001, 500):
        own.table.post_surcharge(bps, sender=own.oracle)
        travel(own.table.MIN_SURCHARGE_INTERVAL_SECONDS())
    epoch = own.table.surcharge_epoch()
    session = own.open(surcharge_cap_bps=1_000)
    greedy = Terms(replicas=3, surcharge_cap_bps=65_535).pack()
    receipt = own.receipt(session, terms=greedy, surcharge_epoch=epoch)
    receipt = msgspec.structs.replace(receipt, charge=own.price(receipt))
    [leaf] = own.settled(Draft(receipt, 1, receipt.charge))
    fair = msgspec.structs.replace(receipt, terms=Terms(replicas=3, surcharge_cap_bps=1_000).pack())
    own.dispute.challenge_charge(leaf, sender=own.challenger)
    assert own.dispute.refunded(session) == receipt.charge - own.price(fair) > 0
