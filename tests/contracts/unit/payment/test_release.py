# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.release: settled money leaves its challenge window by the card's shares."""

from __future__ import annotations

import boa
import msgspec
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import (
    BUCKET_SECONDS,
    CHALLENGE_WINDOW_SECONDS,
    COR,
    DELAY_SECONDS,
    REFERENCE_CARD,
    Protocol,
    release_all,
    travel,
    travel_to,
)


def pots(payment) -> list[int]:
    """Return the wei in each pot."""
    return [payment.pot(pot)[0] for pot in range(3)]


@pytest.mark.parametrize(
    ("total", "shares"),
    [
        (10_000, [7_000, 2_000, 1_000]),
        (1, [0, 0, 1]),
        (9, [6, 1, 2]),
        (9_999, [6_999, 1_999, 1_001]),
    ],
)
def test_shares_round_down_to_the_treasury(protocol, payment, total, shares):
    session = protocol.open()
    protocol.settle((session, total))
    bucket = boa.env.timestamp // BUCKET_SECONDS
    assert release_all(protocol) == total
    assert_event(
        payment,
        "PendingReleased",
        router_id=1,
        version=1,
        bucket=bucket,
        node_amount=shares[0],
        validator_amount=shares[1],
        treasury_amount=shares[2],
    )
    assert pots(payment) == shares
    assert payment.pending(1, 1, bucket) == 0
    assert payment.router(1) == (protocol.settler, 0)


@pytest.mark.parametrize("into", [0, 1, BUCKET_SECONDS - 1])
def test_the_window_counts_from_the_end_of_the_bucket(protocol, payment, into):
    session = protocol.open()
    bucket = boa.env.timestamp // BUCKET_SECONDS + 1
    travel_to(bucket * BUCKET_SECONDS + into)
    protocol.settle((session, 100))
    travel_to((bucket + 1) * BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS - 1)
    with boa.reverts("router: challenge window open"):
        payment.release(1, 1, bucket, sender=protocol.owner)
    travel(1)
    assert payment.release(1, 1, bucket, sender=protocol.stranger) == 100


def test_once(protocol, payment):
    protocol.settle((protocol.open(), 100))
    bucket = boa.env.timestamp // BUCKET_SECONDS
    release_all(protocol)
    with boa.reverts("router: nothing pending"):
        payment.release(1, 1, bucket, sender=protocol.stranger)


@pytest.mark.parametrize(("router_id", "version", "later"), [(2, 1, 0), (1, 2, 0), (1, 1, 1)])
def test_other_buckets_are_empty(protocol, payment, router_id, version, later):
    protocol.settle((protocol.open(), 100))
    bucket = boa.env.timestamp // BUCKET_SECONDS + later
    travel(10 * CHALLENGE_WINDOW_SECONDS)
    with boa.reverts("router: nothing pending"):
        payment.release(router_id, version, bucket, sender=protocol.stranger)


def test_each_version_has_shares_of_its_own(protocol, table, payment):
    card = msgspec.structs.replace(REFERENCE_CARD, node_share_bps=6_000, validator_share_bps=3_000)
    table.publish(card.abi_tuple(), sender=protocol.owner)
    old = protocol.open()
    travel(DELAY_SECONDS)
    new = protocol.open(version=2)
    assert protocol.settle((old, 1_000)) == 1_000
    assert protocol.settle((new, 1_000), version=2) == 1_000
    bucket = boa.env.timestamp // BUCKET_SECONDS
    assert release_all(protocol, version=2) == 1_000
    assert pots(payment) == [600, 300, 100]
    assert payment.router(1)[1] == 1_000
    assert payment.release(1, 1, bucket, sender=protocol.stranger) == 1_000
    assert pots(payment) == [1_300, 500, 200]


@pytest.mark.parametrize(
    ("nodes", "validators", "expected"),
    [(10_000, 0, [77, 0, 0]), (0, 10_000, [0, 77, 0]), (0, 0, [0, 0, 77])],
)
def test_shares_at_their_limits(nodes, validators, expected):
    card = msgspec.structs.replace(
        REFERENCE_CARD, node_share_bps=nodes, validator_share_bps=validators
    )
    own = Protocol(card=card)
    own.settle((own.open(), 77))
    release_all(own)
    assert pots(own.payment) == expected


def test_works_while_everything_is_paused(protocol, payment):
    protocol.settle((protocol.open(amount=COR), COR))
    payment.set_pause(True, True, sender=protocol.owner)
    assert release_all(protocol) == COR


def test_inv_p6_pending_is_the_sum_of_the_buckets(protocol, payment):
    session = protocol.open()
    buckets = []
    for total in (10, 30, 60):
        protocol.settle((session, total))
        buckets.append(boa.env.timestamp // BUCKET_SECONDS)
        travel(BUCKET_SECONDS)
    assert [payment.pending(1, 1, bucket) for bucket in buckets] == [10, 20, 30]
    assert payment.router(1)[1] == 60
    travel(CHALLENGE_WINDOW_SECONDS)
    payment.release(1, 1, buckets[1], sender=protocol.stranger)
    assert payment.router(1)[1] == 40 == sum(payment.pending(1, 1, bucket) for bucket in buckets)
