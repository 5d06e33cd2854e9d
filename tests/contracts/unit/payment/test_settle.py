# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.settle: running totals, the anchor, and who may."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    COR,
    SETTLE_WINDOW_SECONDS,
    ZERO_ADDRESS,
    ZERO_WORD,
    travel,
)


def test_moves_sessions_to_their_totals_and_anchors_the_root(protocol, payment, anchor, cor):
    first, second = protocol.open(), protocol.open(protocol.other_payer)
    balance = cor.balanceOf(payment)
    batch = protocol.batch((first, 3 * COR), (second, 5), count=41, uri="ipfs://b")
    assert payment.settle(batch, sender=protocol.settler) == 3 * COR + 5
    bucket = boa.env.timestamp // BUCKET_SECONDS
    assert_event(
        payment,
        "BatchSettled",
        router_id=1,
        root=batch.root,
        version=1,
        bucket=bucket,
        total=3 * COR + 5,
        items=batch.items,
    )
    [anchored] = events(payment, "BatchAnchored")
    assert (anchored["anchorer"], anchored["root"]) == (protocol.settler, batch.root)
    assert (anchored["count"], anchored["uri"]) == (41, "ipfs://b")
    assert events(payment, "SettlementSkipped") == []
    assert anchor.batch(protocol.settler, batch.root) == (boa.env.timestamp, 41, 1)
    assert payment.session(first).settled == 3 * COR
    assert payment.session(second).settled == 5
    assert payment.pending(1, 1, bucket) == 3 * COR + 5
    assert payment.router(1) == (protocol.settler, 3 * COR + 5)
    assert payment.router(2) == (protocol.other_settler, 0)
    assert cor.balanceOf(payment) == balance


def test_totals_are_cumulative(protocol, payment):
    session = protocol.open()
    assert protocol.settle((session, 10)) == 10
    assert protocol.settle((session, 25)) == 15
    assert payment.session(session).settled == 25
    bucket = boa.env.timestamp // BUCKET_SECONDS
    assert payment.pending(1, 1, bucket) == 25
    travel(BUCKET_SECONDS)
    assert protocol.settle((session, 26)) == 1
    assert payment.pending(1, 1, bucket + 1) == 1
    assert payment.router(1)[1] == 26


def test_only_the_settler_settles(protocol, payment):
    session = protocol.open()
    for sender in (
        protocol.owner,
        protocol.guardian,
        protocol.other_settler,
        protocol.payer,
        protocol.stranger,
    ):
        with boa.reverts("router: caller is not settler"):
            protocol.settle((session, 1), sender=sender)
    assert payment.session(session).settled == 0


@pytest.mark.parametrize("router_id", [0, 3, 2**32 - 1])
def test_nobody_settles_for_a_router_that_does_not_exist(protocol, router_id):
    with boa.reverts("router: caller is not settler"):
        protocol.settle(router_id=router_id)


def test_inv_p3_refuses_sessions_of_another_router(protocol, payment):
    mine, theirs = protocol.open(), protocol.open(router_id=2)
    for totals in [((theirs, 1),), ((mine, 1), (theirs, 1)), ((theirs, 0),)]:
        with boa.reverts("payment: other router's session"):
            protocol.settle(*totals)
    assert payment.session(mine).settled == payment.session(theirs).settled == 0
    assert protocol.settle((theirs, 1), router_id=2, sender=protocol.other_settler) == 1


def test_paused_settlement(protocol, payment):
    session = protocol.open()
    payment.set_pause(False, True, sender=protocol.guardian)
    with boa.reverts("payment: settlement paused"):
        protocol.settle((session, 1))
    payment.set_pause(True, False, sender=protocol.guardian)
    assert protocol.settle((session, 1)) == 1


def test_a_batch_without_totals_only_anchors(protocol, payment, anchor):
    batch = protocol.batch()
    assert payment.settle(batch, sender=protocol.settler) == 0
    assert events(payment, "BatchSettled") == []
    assert len(events(payment, "BatchAnchored")) == 1
    assert anchor.batch(protocol.settler, batch.root)[1] == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"root": ZERO_WORD}, "anchor: zero root"), ({"count": 0}, "anchor: empty batch")],
)
def test_what_the_anchor_refuses_settles_nothing(protocol, payment, changes, reason):
    session = protocol.open()
    with boa.reverts(reason):
        protocol.settle((session, 1), **changes)
    assert payment.session(session).settled == 0


def test_needs_the_settlers_authorisation(protocol, payment, anchor):
    session = protocol.open()
    anchor.authorise(payment, False, sender=protocol.settler)
    with boa.reverts("anchor: caller not authorised"):
        protocol.settle((session, 1))
    anchor.authorise(payment, True, sender=protocol.settler)
    assert protocol.settle((session, 1)) == 1


def test_inv_p4_a_batch_sent_again_moves_nothing(protocol, payment, anchor):
    sessions = [protocol.open() for _ in range(3)]
    batch = protocol.batch(*[(session, 1_000 + i) for i, session in enumerate(sessions)])
    payment.settle(batch, sender=protocol.settler)
    head, facts = anchor.head(protocol.settler), anchor.batch(protocol.settler, batch.root)
    owed = protocol.owed()
    travel(BUCKET_SECONDS)
    assert payment.settle(batch, sender=protocol.settler) == 0
    for name in ("BatchSettled", "SettlementSkipped", "BatchAnchored"):
        assert events(payment, name) == []
    assert anchor.head(protocol.settler) == head
    assert anchor.batch(protocol.settler, batch.root) == facts
    assert protocol.owed() == owed
    assert payment.pending(1, 1, boa.env.timestamp // BUCKET_SECONDS) == 0


def test_inv_p4_no_money_under_an_old_root(protocol, payment, anchor):
    """Else a total could move long after the leaves behind it were anchored."""
    session = protocol.open()
    for anchored in (protocol.batch(), protocol.batch((session, 5))):
        payment.settle(anchored, sender=protocol.settler)
        for again in (anchored, protocol.batch((session, 900), root=anchored.root)):
            assert payment.settle(again, sender=protocol.settler) == 0
            for name in ("BatchSettled", "SettlementSkipped", "BatchAnchored"):
                assert events(payment, name) == []
    assert payment.session(session).settled == 5


def test_what_was_skipped_settles_under_a_later_root(protocol, payment):
    session = protocol.open(amount=10)
    batch = protocol.batch((session, 15))
    assert payment.settle(batch, sender=protocol.settler) == 0
    payment.top_up(session, 5, sender=protocol.payer)
    assert payment.settle(batch, sender=protocol.settler) == 0
    assert protocol.settle((session, 15)) == 15


def test_inv_p2_totals_never_fall(protocol, payment):
    session = protocol.open()
    protocol.settle((session, 100))
    for total in (0, 1, 99, 100):
        assert protocol.settle((session, total)) == 0
        assert payment.session(session).settled == 100


def test_the_whole_deposit(protocol, payment):
    session = protocol.open(amount=COR)
    assert protocol.settle((session, COR)) == COR
    assert payment.session(session).settled == COR


def test_the_settle_window_ends_after_its_last_second(protocol, payment):
    session = protocol.open(expiry=boa.env.timestamp + 10)
    travel(10 + SETTLE_WINDOW_SECONDS)
    with boa.env.anchor():
        assert protocol.settle((session, 1)) == 1
    with boa.reverts("session: settle window open"):
        payment.withdraw(session, sender=protocol.payer)
    travel(1)
    assert protocol.settle((session, 1)) == 0
    assert events(payment, "SettlementSkipped")[0]["reason"] == "settle window over"
    assert payment.withdraw(session, sender=protocol.payer) == 100 * COR


def test_router_zero_has_no_settler(payment):
    assert payment.router(0) == (ZERO_ADDRESS, 0)
