# SPDX-License-Identifier: Apache-2.0
"""SessionPaymentTable.lower: the owner's emergency path, at once and only down (INV-T8)."""

from __future__ import annotations

import boa
import msgspec
import pytest

from cortensor.pricing import RateCard, Terms, Usage
from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    DELAY_SECONDS,
    REFERENCE_CARD,
    Protocol,
    deploy_table,
    set_word,
    travel,
)
from tests.contracts.unit.table.test_publish import (
    MIDDLE,
    RATE_LISTS,
    RATES,
    WEI,
    WEI_LISTS,
    moved,
    places,
)

NEVER = 2**64 - 1
SHARES = ("node_share_bps", "validator_share_bps")
PRICES = [place for place in places((*WEI, *RATES), (*WEI_LISTS, *RATE_LISTS))
          if "rebate" not in place[0] and place[0] not in SHARES]  # fmt: skip
REBATES = [place for place in places(RATES, RATE_LISTS) if "rebate" in place[0]]
WORDS = Terms(replicas=3).pack(), Usage(input_units=10_000, output_units=5_000).pack()


def change(card: RateCard = REFERENCE_CARD, **fields: object) -> RateCard:
    """Return a card with other fields."""
    return msgspec.structs.replace(card, **fields)


@pytest.fixture(scope="module")
def middle(protocol):
    return deploy_table(protocol.owner, protocol.oracle, card=MIDDLE)


def test_lowered_card_is_in_effect_at_once(protocol, table):
    card = change(task_wei=1, volume_rebate_bps=(10_000,) * 4, missing_rebate_bps=10_000)
    assert table.lower(card.abi_tuple(), sender=protocol.owner) == 2
    assert_event(table, "CardLowered", version=2, old_version=1)
    [published] = events(table, "CardPublished")
    assert (published["version"], published["effective_at"]) == (2, boa.env.timestamp)
    assert table.current_version() == table.latest_version() == 2
    assert table.effective_at(2) == boa.env.timestamp
    assert RateCard.from_abi(table.card(2)) == card


def test_only_the_owner_lowers(protocol, table):
    for sender in (protocol.oracle, protocol.guardian, protocol.stranger, protocol.deployer):
        with boa.reverts("ownable: caller is not the owner"):
            table.lower(REFERENCE_CARD.abi_tuple(), sender=sender)


def test_everything_may_fall_to_nothing_without_a_step(protocol, middle):
    card = RateCard.from_abi([
        0 if isinstance(value, int) else (0,) * len(value) for value in MIDDLE.abi_tuple()
    ])  # fmt: skip
    full = {name: 10_000 for name in RATES if "rebate" in name}
    card = change(
        card, **full, volume_rebate_bps=(10_000,) * 4, node_share_bps=MIDDLE.node_share_bps,
        validator_share_bps=MIDDLE.validator_share_bps,
    )  # fmt: skip
    assert middle.lower(card.abi_tuple(), sender=protocol.owner) == 2
    assert middle.quote(2, 0, *WORDS)[0] == 0 < middle.quote(1, 0, *WORDS)[0]


@pytest.mark.parametrize(("field", "index"), PRICES)
def test_inv_t8_no_price_rises_by_one(protocol, middle, field, index):
    assert middle.lower(moved(MIDDLE, field, index, -1).abi_tuple(), sender=protocol.owner) == 2
    with boa.reverts("card: price must not rise"):
        middle.lower(MIDDLE.abi_tuple(), sender=protocol.owner)


@pytest.mark.parametrize(("field", "index"), REBATES)
def test_inv_t8_no_rebate_falls_by_one(protocol, middle, field, index):
    assert middle.lower(moved(MIDDLE, field, index, 1).abi_tuple(), sender=protocol.owner) == 2
    with boa.reverts("card: rebate must not fall"):
        middle.lower(MIDDLE.abi_tuple(), sender=protocol.owner)


@pytest.mark.parametrize("field", SHARES)
@pytest.mark.parametrize("delta", [-1, 1])
def test_shares_stay(protocol, middle, field, delta):
    with boa.reverts("card: shares must not change"):
        middle.lower(moved(MIDDLE, field, None, delta).abi_tuple(), sender=protocol.owner)


def test_a_lowered_card_keeps_the_rules_of_every_card(protocol, middle):
    with boa.reverts("card: redundancy must not fall"):
        middle.lower(
            [*MIDDLE.abi_tuple()[:8], (2_000, 1_999, 1_999), *MIDDLE.abi_tuple()[9:]],
            sender=protocol.owner,
        )


def test_inv_t8_a_waiting_card_never_comes(protocol, table):
    dearer = change(task_wei=REFERENCE_CARD.task_wei * 5 // 4)
    table.publish(dearer.abi_tuple(), sender=protocol.owner)
    assert table.lower(REFERENCE_CARD.abi_tuple(), sender=protocol.owner) == 3
    assert_event(table, "CardCancelled", version=2)
    assert_event(table, "CardLowered", version=3, old_version=1)
    assert table.effective_at(2) == NEVER
    assert table.current_version() == 3
    for _ in range(2):
        travel(30 * 86_400)
        assert table.current_version() == 3
    # What it would have charged and shared out still reads as it was published (INV-T5).
    assert RateCard.from_abi(table.card(2)) == dearer
    assert table.shares(2) == table.shares(1)
    assert table.quote(2, 0, *WORDS)[0] > table.quote(3, 0, *WORDS)[0]


def test_nothing_is_cancelled_where_nothing_waits(protocol, table):
    table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    travel(DELAY_SECONDS)
    effective_at = table.effective_at(2)
    assert table.lower(REFERENCE_CARD.abi_tuple(), sender=protocol.owner) == 3
    assert events(table, "CardCancelled") == []
    assert table.effective_at(2) == effective_at


def test_the_card_in_effect_is_the_measure_and_not_a_dearer_one_that_waits(protocol, table):
    price = REFERENCE_CARD.task_wei
    table.publish(change(task_wei=price * 5 // 4).abi_tuple(), sender=protocol.owner)
    with boa.reverts("card: price must not rise"):
        table.lower(change(task_wei=price + 1).abi_tuple(), sender=protocol.owner)


def test_a_reduction_that_was_announced_is_kept(protocol, table):
    waiting = change(task_wei=REFERENCE_CARD.task_wei - 5, late_rebate_bps=4_500)
    table.publish(waiting.abi_tuple(), sender=protocol.owner)
    for fields, reason in (
        ({"task_wei": waiting.task_wei + 1}, "card: price must not rise"),
        ({"late_rebate_bps": 4_499}, "card: rebate must not fall"),
    ):
        with boa.reverts(reason):
            table.lower(change(waiting, **fields).abi_tuple(), sender=protocol.owner)
    assert table.lower(waiting.abi_tuple(), sender=protocol.owner) == 3


def test_shares_that_wait_are_not_brought_forward(protocol, table):
    waiting = change(node_share_bps=REFERENCE_CARD.node_share_bps + 1)
    table.publish(waiting.abi_tuple(), sender=protocol.owner)
    with boa.reverts("card: shares must not change"):
        table.lower(waiting.abi_tuple(), sender=protocol.owner)
    table.lower(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    assert table.shares(3) == table.shares(1)


def test_the_next_card_is_a_step_from_the_lowered_one_and_waits(protocol, table):
    table.lower(change(task_wei=400).abi_tuple(), sender=protocol.owner)
    with boa.reverts("card: price step too large"):
        table.publish(change(task_wei=501).abi_tuple(), sender=protocol.owner)
    assert table.publish(change(task_wei=500).abi_tuple(), sender=protocol.owner) == 3
    assert table.current_version() == 2
    # Again, with that one waiting: the card in effect is the lowered one.
    assert table.lower(change(task_wei=300).abi_tuple(), sender=protocol.owner) == 4
    assert (table.current_version(), table.effective_at(3)) == (4, NEVER)
    table.publish(change(task_wei=375).abi_tuple(), sender=protocol.owner)
    assert table.current_version() == 4
    travel(DELAY_SECONDS)
    assert table.current_version() == 5


def test_versions_end_at_uint16(protocol, table):
    nothing = RateCard.from_abi([
        0 if isinstance(value, int) else (0,) * len(value) for value in MIDDLE.abi_tuple()
    ]).abi_tuple()  # fmt: skip
    set_word(table, "_latest_version", 65_534)
    assert table.lower(nothing, sender=protocol.owner) == 65_535
    with boa.reverts("table: versions exhausted"):
        table.lower(nothing, sender=protocol.owner)


def test_sessions_keep_their_card_and_new_ones_get_the_lower_one():
    own = Protocol()
    early = own.open()
    own.table.lower(change(task_wei=1).abi_tuple(), sender=own.owner)
    own.payment.adopt_card(sender=own.stranger)
    late = own.open()
    assert (own.payment.session(early).version, own.payment.session(late).version) == (1, 2)
