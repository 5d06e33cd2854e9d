# SPDX-License-Identifier: Apache-2.0
"""SessionPaymentTable.publish: only the owner, one card at a time, by bounded steps."""

from __future__ import annotations

import boa
import msgspec
import pytest

from cortensor.pricing import RateCard
from tests.contracts.events import events
from tests.contracts.protocol import DELAY_SECONDS, REFERENCE_CARD, deploy_table, set_word, travel

SHAPE = [len(value) if isinstance(value, tuple) else 0 for value in REFERENCE_CARD.abi_tuple()]
WEI = ("task_wei", "validator_unit_wei")
WEI_LISTS = ("input_unit_wei", "output_unit_wei")
RATES = (
    "execution_depth_bps",
    "tool_depth_bps",
    "validator_depth_bps",
    "threshold_bps",
    "failed_rebate_bps",
    "late_rebate_bps",
    "missing_rebate_bps",
    "node_share_bps",
    "validator_share_bps",
)
RATE_LISTS = (
    "sla_bps",
    "redundancy_bps",
    "consensus_bps",
    "disagreement_bps",
    "volume_rebate_bps",
)

# Every rate in the middle, so that each can move both ways without breaking another rule.
MIDDLE = msgspec.structs.replace(
    REFERENCE_CARD,
    execution_depth_bps=5_000,
    tool_depth_bps=5_000,
    validator_depth_bps=5_000,
    threshold_bps=5_000,
    failed_rebate_bps=7_000,
    late_rebate_bps=4_000,
    missing_rebate_bps=8_500,
    node_share_bps=4_000,
    validator_share_bps=4_000,
    sla_bps=(5_000,) * 4,
    redundancy_bps=(2_000, 5_000, 9_000),
    consensus_bps=(5_000,) * 8,
    disagreement_bps=(5_000,) * 3,
    volume_rebate_bps=(5_000,) * 4,
)


def moved(card: RateCard, field: str, index: int | None, delta: int) -> RateCard:
    """Return the card with one number moved."""
    value = getattr(card, field)
    if index is None:
        return msgspec.structs.replace(card, **{field: value + delta})
    entries = list(value)
    entries[index] += delta
    return msgspec.structs.replace(card, **{field: tuple(entries)})


def places(single: tuple[str, ...], lists: tuple[str, ...]) -> list[tuple[str, int | None]]:
    """Return every number of those fields as (field, index)."""
    plain = [(field, None) for field in single]
    return plain + [(field, i) for field in lists for i in range(len(getattr(MIDDLE, field)))]


@pytest.fixture(scope="module")
def middle(protocol):
    return deploy_table(protocol.owner, protocol.oracle, card=MIDDLE)


def test_card_waits_for_the_delay(protocol, table):
    assert table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner) == 2
    effective_at = boa.env.timestamp + DELAY_SECONDS
    [published] = events(table, "CardPublished")
    assert (published["version"], published["effective_at"]) == (2, effective_at)
    assert (table.current_version(), table.latest_version()) == (1, 2)
    assert table.effective_at(2) == effective_at
    travel(DELAY_SECONDS - 1)
    assert table.current_version() == 1
    travel(1)
    assert table.current_version() == 2


def test_only_the_owner_publishes(protocol, table):
    for sender in (protocol.oracle, protocol.guardian, protocol.stranger, protocol.deployer):
        with boa.reverts("ownable: caller is not the owner"):
            table.publish(REFERENCE_CARD.abi_tuple(), sender=sender)


def test_one_card_at_a_time_waits(protocol, table):
    table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    travel(DELAY_SECONDS - 1)
    with boa.reverts("table: last card still waits"):
        table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    travel(1)
    assert table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner) == 3


def test_versions_end_at_uint16(protocol, table):
    # Version 65,534 reads as a card of zeros, from which one of zeros is no step.
    nothing = RateCard.from_abi([0 if shape == 0 else (0,) * shape for shape in SHAPE]).abi_tuple()
    set_word(table, "_latest_version", 65_534)
    assert table.publish(nothing, sender=protocol.owner) == 65_535
    travel(DELAY_SECONDS)
    with boa.reverts("table: versions exhausted"):
        table.publish(nothing, sender=protocol.owner)


def test_refuses_a_card_that_cannot_be_priced(protocol, table):
    broken = list(REFERENCE_CARD.abi_tuple())
    broken[-2:] = [7_500, 2_501]
    with boa.reverts("card: shares over 100%"):
        table.publish(broken, sender=protocol.owner)


@pytest.mark.parametrize(("field", "index"), places(WEI, WEI_LISTS))
def test_inv_t6_prices_move_by_a_quarter_at_most(protocol, middle, field, index):
    value = getattr(MIDDLE, field)
    price = value if index is None else value[index]
    for delta in (price // 4, -(price // 4)):
        with boa.env.anchor():
            assert middle.publish(
                moved(MIDDLE, field, index, delta).abi_tuple(), sender=protocol.owner
            )
        beyond = delta + (1 if delta > 0 else -1)
        with boa.reverts("card: price step too large"):
            middle.publish(moved(MIDDLE, field, index, beyond).abi_tuple(), sender=protocol.owner)


@pytest.mark.parametrize(("field", "index"), places(RATES, RATE_LISTS))
def test_inv_t6_rates_move_by_ten_points_at_most(protocol, middle, field, index):
    for delta in (1_000, -1_000):
        with boa.env.anchor():
            assert middle.publish(
                moved(MIDDLE, field, index, delta).abi_tuple(), sender=protocol.owner
            )
        beyond = delta + (1 if delta > 0 else -1)
        with boa.reverts("card: rate step too large"):
            middle.publish(moved(MIDDLE, field, index, beyond).abi_tuple(), sender=protocol.owner)


@pytest.mark.parametrize(
    ("old", "new", "is_allowed"),
    [
        (0, 1, True),
        (0, 2, False),
        (3, 2, True),
        (3, 4, True),
        (3, 5, False),
        (3, 1, False),
        (7, 8, True),
        (7, 9, False),
        (8, 10, True),
        (8, 11, False),
    ],
)
def test_inv_t6_a_price_of_a_few_wei_moves_by_one(protocol, old, new, is_allowed):
    card = msgspec.structs.replace(REFERENCE_CARD, task_wei=old)
    table = deploy_table(protocol.owner, protocol.oracle, card=card)
    following = msgspec.structs.replace(card, task_wei=new).abi_tuple()
    if is_allowed:
        assert table.publish(following, sender=protocol.owner) == 2
        return
    with boa.reverts("card: price step too large"):
        table.publish(following, sender=protocol.owner)
