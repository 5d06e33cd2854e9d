# SPDX-License-Identifier: Apache-2.0
"""A router that settles more than stands behind it, in one batch, in many, or after it left."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.protocol import (
    BUCKET_SECONDS,
    COR,
    COVER_BPS,
    MIN_BOND,
    Protocol,
    travel,
)

BOND = 2 * MIN_BOND
COVER = BOND * COVER_BPS // 10_000


@pytest.fixture(scope="module")
def own():
    return Protocol(bond=BOND)


def test_many_small_batches_do_not_add_up_to_more(own):
    sessions = [own.open(amount=COVER) for _ in range(4)]
    for session in sessions:
        assert own.settle((session, COVER // 4)) == COVER // 4
        travel(BUCKET_SECONDS)
    with boa.reverts("router: pending exceeds bond"):
        own.settle((sessions[0], COVER // 4 + 1))


def test_a_refused_batch_anchors_nothing(own, protocol):
    session = own.open(amount=2 * COVER)
    batch = own.batch((session, COVER + 1))
    with boa.reverts("router: pending exceeds bond"):
        own.payment.settle(batch, sender=own.settler)
    assert own.anchor.batch(own.settler, batch.root) == (0, 0, 0)


def test_leaving_takes_the_cover_with_it(own):
    session = own.open(amount=COVER)
    assert own.settle((session, 10)) == 10
    own.pool.request_unstake(1, BOND, sender=own.settler)
    assert own.pool.cover(1) == 0
    with boa.reverts("router: pending exceeds bond"):
        own.settle((session, 11))
    # What is pending stays covered: the bond can be slashed until long after.
    assert own.pool.position(1).leaving == BOND


def test_a_slash_stops_settlement_until_the_bond_is_whole(own):
    session = own.open(amount=COVER)
    own.pool.slash_bond(1, BOND - MIN_BOND + 1, own.stranger, sender=own.dispute)
    with boa.reverts("router: pending exceeds bond"):
        own.settle((session, 1))
    own.cor.approve(own.pool, COR, sender=own.payer)
    own.pool.stake(1, COR, sender=own.payer)
    assert own.settle((session, 1)) == 1


def test_one_routers_bond_does_not_cover_another(own):
    theirs = own.open(router_id=2, amount=COVER)
    own.pool.request_unstake(2, BOND, sender=own.other_settler)
    with boa.reverts("router: pending exceeds bond"):
        own.settle((theirs, 1), router_id=2, sender=own.other_settler)
