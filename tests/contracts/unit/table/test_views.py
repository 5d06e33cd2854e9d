# SPDX-License-Identifier: Apache-2.0
"""The small views of SessionPaymentTable: card, shares, versions, epochs."""

from __future__ import annotations

import boa
import pytest

from cortensor.pricing import RateCard
from tests.contracts.protocol import DELAY_SECONDS, REFERENCE_CARD, travel

VIEWS_OF_A_VERSION = ("card", "shares", "effective_at")
VIEWS_OF_AN_EPOCH = ("surcharge_bps", "surcharge_posted_at")


def test_card_returns_what_was_published(table):
    assert RateCard.from_abi(table.card(1)) == REFERENCE_CARD


def test_shares_are_the_cards(table):
    assert table.shares(1) == (7_000, 2_000)


@pytest.mark.parametrize("view", VIEWS_OF_A_VERSION)
def test_views_of_a_version_refuse_unknown_ones(protocol, table, view):
    for version in (0, 2):
        with boa.reverts("table: unknown version"):
            getattr(table, view)(version)
    table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    assert getattr(table, view)(2)


@pytest.mark.parametrize("view", VIEWS_OF_AN_EPOCH)
def test_views_of_an_epoch_refuse_unknown_ones(protocol, table, view):
    with boa.reverts("table: unknown surcharge epoch"):
        getattr(table, view)(1)
    table.post_surcharge(7, sender=protocol.oracle)
    assert getattr(table, view)(1) > 0


def test_current_version_is_the_newest_in_effect(protocol, table):
    for version in (2, 3):
        table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
        assert table.latest_version() == version
        assert table.current_version() == version - 1
        travel(DELAY_SECONDS)
        assert table.current_version() == version
