# SPDX-License-Identifier: Apache-2.0
"""SessionPaymentTable.__init__: who rules it, how long a card waits, the first card."""

from __future__ import annotations

import boa
import pytest

from cortensor.pricing import RateCard
from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    REFERENCE_CARD,
    START,
    ZERO_ADDRESS,
    deploy_table,
    deployer_of,
)

DAY = 86_400


def changed(**fields: object) -> tuple:
    """Return the reference card with raw fields, unchecked, as the contract takes it."""
    names = RateCard.__struct_fields__
    return tuple(fields.get(name, getattr(REFERENCE_CARD, name)) for name in names)


def test_first_card_is_in_effect_at_once(protocol):
    table = deploy_table(protocol.owner, protocol.oracle)
    assert table.current_version() == table.latest_version() == 1
    assert table.effective_at(1) == boa.env.timestamp
    assert RateCard.from_abi(table.card(1)) == REFERENCE_CARD


def test_owner_oracle_and_delay(protocol, table):
    assert table.owner() == protocol.owner
    assert table.oracle() == protocol.oracle
    assert table.PUBLICATION_DELAY_SECONDS() == 2 * DAY
    assert table.MAX_SURCHARGE_BPS() == 5_000
    assert table.MAX_SURCHARGE_STEP_BPS() == 500
    assert table.MIN_SURCHARGE_INTERVAL_SECONDS() == 600


def test_epoch_zero_is_no_surcharge(protocol):
    table = deploy_table(protocol.owner, protocol.oracle)
    assert table.surcharge_epoch() == 0
    assert table.surcharge_bps(0) == 0
    assert table.surcharge_posted_at(0) == boa.env.timestamp >= START


def test_events(protocol):
    table = deploy_table(protocol.owner, protocol.oracle)
    assert_event(table, "OracleChanged", old_oracle=ZERO_ADDRESS, new_oracle=protocol.oracle)
    [published] = events(table, "CardPublished")
    assert published["version"] == 1
    assert published["effective_at"] == boa.env.timestamp
    assert RateCard.from_abi(published["card"]) == REFERENCE_CARD


def test_refuses_nobody_as_owner(protocol):
    with boa.reverts("table: zero owner"):
        deploy_table(ZERO_ADDRESS, protocol.oracle)


def test_refuses_nobody_as_oracle(protocol):
    with boa.reverts("table: zero oracle"):
        deploy_table(protocol.owner, ZERO_ADDRESS)


def test_delay_is_at_most_thirty_days(protocol):
    longest = deploy_table(protocol.owner, protocol.oracle, delay=30 * DAY)
    assert longest.PUBLICATION_DELAY_SECONDS() == 30 * DAY
    with boa.reverts("table: delay over 30 days"):
        deploy_table(protocol.owner, protocol.oracle, delay=30 * DAY + 1)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"redundancy_bps": (1, 0, 0)}, "card: redundancy must not fall"),
        ({"redundancy_bps": (1, 2, 1)}, "card: redundancy must not fall"),
        ({"late_rebate_bps": 4_001, "failed_rebate_bps": 4_000}, "card: late rebate over failed"),
        ({"missing_rebate_bps": 9_999}, "card: failed rebate over missing"),
        ({"failed_rebate_bps": 10_001}, "card: failed rebate over missing"),
        ({"missing_rebate_bps": 10_001}, "card: rebate over 100%"),
        ({"volume_rebate_bps": (0, 0, 0, 10_001)}, "card: rebate over 100%"),
        ({"volume_rebate_bps": (10_001, 0, 0, 0)}, "card: rebate over 100%"),
        ({"node_share_bps": 8_001}, "card: shares over 100%"),
        ({"validator_share_bps": 3_001}, "card: shares over 100%"),
    ],
)
def test_refuses_a_card_that_cannot_be_priced(protocol, fields, reason):
    with boa.reverts(reason):
        deployer_of("SessionPaymentTable").deploy(
            protocol.owner, protocol.oracle, 0, changed(**fields)
        )


@pytest.mark.parametrize(
    "fields",
    [
        {"redundancy_bps": (5, 5, 5)},
        {"late_rebate_bps": 10_000, "failed_rebate_bps": 10_000, "missing_rebate_bps": 10_000},
        {"late_rebate_bps": 0, "failed_rebate_bps": 0, "missing_rebate_bps": 0},
        {"volume_rebate_bps": (10_000, 10_000, 10_000, 10_000)},
        {"node_share_bps": 10_000, "validator_share_bps": 0},
        {"node_share_bps": 0, "validator_share_bps": 10_000},
        {"task_wei": 2**96 - 1, "input_unit_wei": (2**64 - 1,) * 4, "sla_bps": (2**16 - 1,) * 4},
    ],
)
def test_accepts_cards_at_their_limits(protocol, fields):
    table = deployer_of("SessionPaymentTable").deploy(
        protocol.owner, protocol.oracle, 0, changed(**fields)
    )
    card = RateCard.from_abi(table.card(1))
    assert {name: getattr(card, name) for name in fields} == fields
