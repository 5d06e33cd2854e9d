# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.request_close: the payer ends a session, the router keeps its window."""

from __future__ import annotations

import boa

from tests.contracts.events import assert_event
from tests.contracts.protocol import LIFE_SECONDS, SETTLE_WINDOW_SECONDS, travel


def test_ends_the_session_now(protocol, payment):
    session = protocol.open()
    before = payment.session(session)
    travel(100)
    payment.request_close(session, sender=protocol.payer)
    now = boa.env.timestamp
    assert_event(
        payment,
        "SessionCloseRequested",
        session=session,
        withdrawable_at=now + SETTLE_WINDOW_SECONDS + 1,
    )
    assert payment.session(session) == before._replace(expiry=now, state=2)
    assert payment.withdrawable_at(session) == now + SETTLE_WINDOW_SECONDS + 1


def test_never_moves_the_end_later(protocol, payment):
    session = protocol.open()
    expiry = payment.session(session).expiry
    travel(LIFE_SECONDS + 50)
    payment.request_close(session, sender=protocol.payer)
    assert_event(
        payment,
        "SessionCloseRequested",
        session=session,
        withdrawable_at=expiry + SETTLE_WINDOW_SECONDS + 1,
    )
    assert payment.session(session).expiry == expiry


def test_the_router_still_settles_in_the_window(protocol, payment):
    session = protocol.open()
    payment.request_close(session, sender=protocol.payer)
    travel(SETTLE_WINDOW_SECONDS)
    assert protocol.settle((session, 9)) == 9
    assert payment.session(session).settled == 9
    assert payment.session(session).state == 2


def test_only_the_payer_asks(protocol, payment):
    session = protocol.open()
    for sender in (protocol.settler, protocol.owner, protocol.other_payer, protocol.guardian):
        with boa.reverts("session: caller is not the payer"):
            payment.request_close(session, sender=sender)


def test_once(protocol, payment):
    session = protocol.open()
    payment.request_close(session, sender=protocol.payer)
    with boa.reverts("session: not open"):
        payment.request_close(session, sender=protocol.payer)


def test_refuses_sessions_that_never_were(protocol, payment):
    with boa.reverts("session: unknown"):
        payment.request_close(12_345, sender=protocol.payer)


def test_refuses_closed_sessions(protocol, payment):
    session = protocol.open()
    travel(LIFE_SECONDS + SETTLE_WINDOW_SECONDS + 1)
    payment.withdraw(session, sender=protocol.payer)
    with boa.reverts("session: not open"):
        payment.request_close(session, sender=protocol.payer)


def test_refuses_stake_sessions(protocol, payment):
    """They end in StakeQuota, where permission and stake are."""
    session = protocol.open(funding=2, amount=0, salt=bytes(32))
    with boa.reverts("session: paid by stake"):
        payment.request_close(session, sender=protocol.payer)
    assert payment.session(session).state == 1
