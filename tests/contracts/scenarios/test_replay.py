# SPDX-License-Identifier: Apache-2.0
"""A settler that does not know whether a batch arrived sends it again, in any state."""

from __future__ import annotations

from tests.contracts.protocol import BUCKET_SECONDS, COR, release_all, travel


def test_inv_p4_a_lost_batch_after_later_ones(protocol, payment, anchor):
    first, second = protocol.open(), protocol.open()
    lost = protocol.batch((first, 10), (second, 10))
    with_more = protocol.batch((first, 25), (second, 10))
    assert payment.settle(with_more, sender=protocol.settler) == 35
    assert payment.settle(lost, sender=protocol.settler) == 0
    # Its receipts are anchored all the same.
    assert anchor.batch(protocol.settler, lost.root)[2] == 2
    assert payment.session(first).settled == 25


def test_inv_p4_every_prefix_of_a_series_sent_twice(protocol, payment, cor):
    session = protocol.open(amount=COR)
    batches = [protocol.batch((session, 100 * (i + 1))) for i in range(4)]
    for batch in batches:
        assert payment.settle(batch, sender=protocol.settler) == 100
        for again in batches[: batches.index(batch) + 1]:
            assert payment.settle(again, sender=protocol.settler) == 0
    assert protocol.owed() == 400
    assert cor.balanceOf(payment) == COR


def test_inv_p4_after_the_money_was_released_and_paid(protocol, payment, cor):
    session = protocol.open(amount=COR)
    batch = protocol.batch((session, 1_000))
    payment.settle(batch, sender=protocol.settler)
    release_all(protocol)
    for pot in range(3):
        payment.pay_pot(pot, sender=protocol.stranger)
    assert payment.settle(batch, sender=protocol.settler) == 0
    assert protocol.owed() == 0
    assert cor.balanceOf(payment) == COR - 1_000


def test_inv_p4_in_another_bucket_nothing_becomes_pending(protocol, payment):
    batch = protocol.batch((protocol.open(), 7))
    payment.settle(batch, sender=protocol.settler)
    travel(BUCKET_SECONDS)
    payment.settle(batch, sender=protocol.settler)
    assert payment.router(1)[1] == 7
