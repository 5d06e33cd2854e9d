# SPDX-License-Identifier: Apache-2.0
"""SettlementSkipped: one session at fault never stops the others of its batch."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    COR,
    DELAY_SECONDS,
    LIFE_SECONDS,
    REFERENCE_CARD,
    SETTLE_WINDOW_SECONDS,
    U96,
    travel,
)

WINDOW = SETTLE_WINDOW_SECONDS


def unknown(protocol):
    """Return a session of router 1 that nobody opened, and a total."""
    return protocol.payment.session_id(protocol.payer, 1, protocol.unique()), 1


def closed(protocol):
    """Return a session whose deposit was paid back, and a total."""
    session = protocol.open(expiry=boa.env.timestamp + 1)
    travel(WINDOW + 2)
    protocol.payment.withdraw(session, sender=protocol.stranger)
    return session, 1


def expired(protocol):
    """Return a session whose settle window is over, and a total."""
    session = protocol.open(expiry=boa.env.timestamp + 1)
    travel(WINDOW + 2)
    return session, 1


def closing(protocol):
    """Return a session that its payer closed a settle window ago, and a total."""
    session = protocol.open()
    protocol.payment.request_close(session, sender=protocol.payer)
    travel(WINDOW + 1)
    return session, 1


def underfunded(protocol):
    """Return a session and a total that is one wei beyond its deposit."""
    return protocol.open(amount=COR), COR + 1


def absurd(protocol):
    """Return a session and the largest total that an item holds."""
    return protocol.open(), U96


def other_version(protocol):
    """Return a session that pins another card, and a total."""
    protocol.table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    travel(DELAY_SECONDS)
    return protocol.open(version=2), 1


CASES = [
    (unknown, "unknown session"),
    (closed, "session closed"),
    (expired, "settle window over"),
    (closing, "settle window over"),
    (underfunded, "total exceeds deposit"),
    (absurd, "total exceeds deposit"),
    (other_version, "other card version"),
]


@pytest.mark.parametrize(("make", "reason"), CASES, ids=[make.__name__ for make, _ in CASES])
def test_the_rest_of_the_batch_settles(protocol, payment, make, reason):
    good = protocol.open(expiry=boa.env.timestamp + LIFE_SECONDS)
    faulty, total = make(protocol)
    last = protocol.open(version=1) if make is not other_version else good
    before = payment.session(faulty)
    assert protocol.settle((good, 11), (faulty, total), (last, 12)) == (23 if last != good else 12)
    assert_event(payment, "SettlementSkipped", session=faulty, cumulative=total, reason=reason)
    assert payment.session(faulty) == before
    assert payment.session(last).settled == 12


def test_a_total_that_is_not_higher_is_skipped_in_silence(protocol, payment):
    session, _ = closed(protocol)
    assert protocol.settle((session, 0)) == 0
    assert events(payment, "SettlementSkipped") == []


def test_every_item_at_fault(protocol, payment, anchor):
    batch = protocol.batch(unknown(protocol), underfunded(protocol))
    assert payment.settle(batch, sender=protocol.settler) == 0
    reasons = [event["reason"] for event in events(payment, "SettlementSkipped")]
    assert reasons == ["unknown session", "total exceeds deposit"]
    assert events(payment, "BatchSettled") == []
    assert anchor.batch(protocol.settler, batch.root)[2] == 1


def test_a_topped_up_session_settles_on_the_next_try(protocol, payment):
    session, total = underfunded(protocol)
    assert protocol.settle((session, total)) == 0
    payment.top_up(session, 1, sender=protocol.payer)
    assert protocol.settle((session, total)) == total
    assert payment.session(session).settled == total
