# SPDX-License-Identifier: Apache-2.0
"""A batch that holds one session again and again, to move it twice."""

from __future__ import annotations

from tests.contracts.disputes import KEY
from tests.contracts.protocol import VoucherBatch, item
from tests.contracts.signing import compact


def test_the_highest_total_stands_in_whatever_order(protocol, payment):
    session = protocol.open()
    before = protocol.cor.balanceOf(payment)
    assert protocol.settle((session, 10), (session, 30), (session, 20), (session, 30)) == 30
    assert payment.session(session).settled == 30
    assert payment.router(1)[1] == 30  # pending: once
    assert protocol.cor.balanceOf(payment) == before


def test_one_voucher_many_times_moves_once(protocol, payment):
    session = protocol.open(funding=1, session_key=KEY.address)
    one = (item(session, 9), *compact(KEY, payment.hash_voucher(session, 9)))
    batch = VoucherBatch(1, 1, protocol.unique(), 1, "", [one] * 5)
    assert payment.settle_vouchers(batch, sender=protocol.settler) == 9
    assert payment.session(session).settled == 9


def test_one_total_in_two_batches_moves_once(protocol, payment):
    session = protocol.open()
    assert protocol.settle((session, 10)) == 10
    assert protocol.settle((session, 10), (session, 10)) == 0
    assert payment.session(session).settled == 10
