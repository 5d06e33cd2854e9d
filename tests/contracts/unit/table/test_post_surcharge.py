# SPDX-License-Identifier: Apache-2.0
"""SessionPaymentTable.post_surcharge: append-only epochs, bounded steps, an interval."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import travel

INTERVAL = 600


def post_all(protocol, table, *series: int) -> None:
    """Post one surcharge after the other, each when it is due."""
    for bps in series:
        travel(INTERVAL)
        table.post_surcharge(bps, sender=protocol.oracle)


def test_epochs_are_appended(protocol, table):
    assert table.post_surcharge(300, sender=protocol.oracle) == 1
    assert_event(table, "SurchargePosted", epoch=1, old_bps=0, new_bps=300)
    first_posted_at = boa.env.timestamp
    travel(INTERVAL)
    assert table.post_surcharge(0, sender=protocol.oracle) == 2
    assert_event(table, "SurchargePosted", epoch=2, old_bps=300, new_bps=0)
    assert table.surcharge_epoch() == 2
    assert [table.surcharge_bps(epoch) for epoch in range(3)] == [0, 300, 0]
    assert table.surcharge_posted_at(1) == first_posted_at
    assert table.surcharge_posted_at(2) == first_posted_at + INTERVAL


def test_only_the_oracle_posts(protocol, table):
    for sender in (protocol.owner, protocol.guardian, protocol.stranger):
        with boa.reverts("table: caller is not the oracle"):
            table.post_surcharge(1, sender=sender)


def test_first_epoch_needs_no_wait_and_later_ones_do(protocol, table):
    table.post_surcharge(100, sender=protocol.oracle)
    travel(INTERVAL - 1)
    with boa.reverts("table: surcharge too soon"):
        table.post_surcharge(200, sender=protocol.oracle)
    travel(1)
    assert table.post_surcharge(200, sender=protocol.oracle) == 2


@pytest.mark.parametrize(("before", "bps"), [((), 501), ((500,), 1_001), ((500, 1_000), 499)])
def test_refuses_a_step_too_large(protocol, table, before, bps):
    post_all(protocol, table, *before)
    travel(INTERVAL)
    with boa.reverts("table: surcharge step too large"):
        table.post_surcharge(bps, sender=protocol.oracle)


@pytest.mark.parametrize(("before", "bps"), [((), 500), ((500,), 1_000), ((500, 1_000), 500)])
def test_accepts_the_largest_step(protocol, table, before, bps):
    post_all(protocol, table, *before, bps)
    assert table.surcharge_bps(len(before) + 1) == bps


def test_surcharge_is_at_most_half(protocol, table):
    post_all(protocol, table, *range(500, 5_001, 500))
    assert table.surcharge_bps(10) == 5_000
    travel(INTERVAL)
    with boa.reverts("table: surcharge over maximum"):
        table.post_surcharge(5_001, sender=protocol.oracle)
