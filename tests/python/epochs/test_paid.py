# SPDX-License-Identifier: Apache-2.0
"""Of what a batch holds only that counts which was paid for, in full and in time."""

from __future__ import annotations

from typing import Any

import pytest

from cortensor.chain.observed import Settlement
from cortensor.epochs.paid import MAX_AGE_SECONDS, Paid
from cortensor.pricing.quota import MICRO_WEI
from cortensor.receipts.body import Body
from cortensor.receipts.verify_chain import CLOCK_SLACK_SECONDS
from tests.python.epochs.payments import (
    CHARGE,
    END,
    ISSUED,
    PRICES,
    SESSION,
    START,
    prices,
    settlement,
)
from tests.python.epochs.publishing import BEAT, REAL, body

ROOT, ANCHORER = "0x01", "0xa"
OTHER = SESSION + 1


def receipt(number: int = 0, session: int = SESSION, **changes: Any) -> Body:
    at = {"issued_at": ISSUED + number, "session_id": f"0x{session:040x}"}
    return Body.from_json(REAL | at | changes)


def bill(**changes: Any) -> dict[str, Any]:
    return {"bill": REAL["bill"] | changes}


def counted(bodies: list[Body], *settlements: Settlement, **changes: Any) -> list[int]:
    """Return the places of the receipts that count."""
    paid = Paid(settlements, **({"prices": PRICES, "start": START, "end": END} | changes))
    found = paid.of(ANCHORER, ROOT, {str(place): each for place, each in enumerate(bodies)})
    return [int(place) for place, _ in found]


def moved(**changes: Any) -> Settlement:
    return settlement(ROOT, ANCHORER, **changes)


def test_receipts_count_up_to_what_their_batch_moved() -> None:
    three = [receipt(number) for number in range(3)]
    assert counted(three, moved()) == [0, 1, 2]
    assert counted(three, moved(total=3 * CHARGE + 1)) == [0, 1, 2]
    assert counted(three, moved(total=3 * CHARGE - 1)) == []


def test_a_wei_pays_for_no_invented_work() -> None:
    assert counted([receipt(number) for number in range(3)], moved(total=1)) == []
    cheap = [receipt(number, **bill(charge=str(number))) for number in range(2)]
    assert counted(cheap, moved(total=1)) == []


def test_without_a_settlement_of_this_log_only_heartbeats_count() -> None:
    mixed = [receipt(0), body(BEAT)]
    assert counted(mixed) == [1]
    assert counted(mixed, settlement(ROOT, "0xb")) == [1]
    assert counted(mixed, settlement("0x02", ANCHORER)) == [1]
    assert counted(mixed, moved(total=1)) == [1]


def test_only_sessions_that_moved_count() -> None:
    two = [receipt(0), receipt(1, OTHER)]
    assert counted(two, moved()) == [0]
    assert counted(two, moved(sessions=[OTHER])) == [1]
    assert counted(two, moved(sessions=[SESSION, OTHER])) == [0, 1]
    assert counted(two, moved(sessions=[SESSION, OTHER], skipped=[SESSION])) == [1]
    twice = moved(sessions=[SESSION, OTHER, SESSION], skipped=[SESSION])
    assert counted(two, twice) == [0, 1]


def test_a_session_that_was_passed_over_takes_nothing_from_the_others() -> None:
    two = [receipt(0), receipt(1, OTHER)]
    named = {"sessions": [SESSION, OTHER], "total": CHARGE}
    assert counted(two, moved(**named, skipped=[SESSION])) == [1]


def test_what_was_moved_is_spent_once_in_the_batchs_order() -> None:
    bodies = [receipt(0), receipt(1), receipt(2, OTHER)]
    one, both = {"total": CHARGE}, {"total": 2 * CHARGE}
    assert counted(bodies, moved(sessions=[SESSION, OTHER], **both)) == [0, 1]
    assert counted(bodies, moved(sessions=[OTHER, SESSION], **both)) == [2]
    assert counted(bodies, moved(sessions=[SESSION, OTHER], **one)) == [2]


def test_stake_whose_sessions_are_not_known_counts_up_to_what_moved() -> None:
    stranger = receipt(2, SESSION + (1 << 128))
    bodies = [receipt(0), receipt(1, OTHER), stranger]
    assert counted(bodies, moved(sessions=None)) == [0, 1]
    assert counted(bodies, moved(sessions=None, total=CHARGE)) == [0]


def test_stake_moves_whole_micro_cor() -> None:
    whole = CHARGE // MICRO_WEI * MICRO_WEI
    assert whole < CHARGE
    assert counted([receipt()], moved(total=whole, is_stake=True)) == [0]
    assert counted([receipt()], moved(total=whole)) == []
    assert counted([receipt()], moved(total=whole - MICRO_WEI, is_stake=True)) == []


@pytest.mark.parametrize(
    "changes",
    [
        bill(charge=str(CHARGE - 1)),
        bill(charge="0"),
        bill(version=1),  # another card than the batch's
        bill(surcharge_epoch=4),  # never posted
        bill(usage="0x0"),  # of less than the replicas did
        bill(terms="0x0"),
        {"replicas": [each | {"output_units": 10**6} for each in REAL["replicas"]]},
    ],
)
def test_what_charges_less_than_its_price_does_not_count(changes: dict[str, Any]) -> None:
    assert counted([receipt()], moved()) == [0]
    assert counted([receipt(**changes), receipt(1)], moved()) == [1]


def test_more_than_the_price_is_paid_for_too() -> None:
    assert counted([receipt(**bill(charge=str(CHARGE + 1)))], moved()) == [0]


def test_a_surcharge_of_later_than_the_work_is_none() -> None:
    assert counted([receipt()], moved(), prices=prices(ISSUED)) == [0]
    assert counted([receipt()], moved(), prices=prices(ISSUED + 1)) == []
    late = [receipt(issued_at=END + 10)]
    assert counted(late, moved(), prices=prices(END - 1)) == [0]
    assert counted(late, moved(), prices=prices(END)) == []


def test_old_receipts_and_those_of_the_future_do_not_count() -> None:
    for number in (0, BEAT):
        tier = {"policy": body(number).to_json()["policy"]}
        for at, counts in (
            (START - MAX_AGE_SECONDS - 1, False),
            (START - MAX_AGE_SECONDS, True),
            (END + CLOCK_SLACK_SECONDS - 1, True),
            (END + CLOCK_SLACK_SECONDS, False),
        ):
            known = prices(0)
            bodies = [receipt(issued_at=at, **tier)]
            assert counted(bodies, moved(), prices=known) == ([0] if counts else [])
