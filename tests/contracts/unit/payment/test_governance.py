# SPDX-License-Identifier: Apache-2.0
"""SessionPayment's register_router, set_settler, set_guardian, set_pause and adopt_card."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    DELAY_SECONDS,
    REFERENCE_CARD,
    ZERO_ADDRESS,
    release_all,
    set_word,
    travel,
)


def test_routers_are_numbered_from_one(protocol, payment):
    assert payment.router_count() == 2
    assert payment.register_router(protocol.stranger, sender=protocol.owner) == 3
    assert_event(
        payment,
        "RouterSet",
        router_id=3,
        old_settler=ZERO_ADDRESS,
        new_settler=protocol.stranger,
    )
    assert payment.router_count() == 3
    assert payment.router(3) == (protocol.stranger, 0)
    assert payment.control() == (protocol.guardian, False, False)
    assert payment.adopted_version() == 1


def test_only_the_owner_registers_routers(protocol, payment):
    for sender in (protocol.guardian, protocol.settler, protocol.stranger):
        with boa.reverts("ownable: caller is not the owner"):
            payment.register_router(sender, sender=sender)


def test_router_ids_end_at_uint32(protocol, payment):
    # guardian u160 | flags u8 | adopted version u16 | router count u32 << 184
    last = 2**32 - 1
    set_word(payment, "gate._word", (last - 1) << 184 | 1 << 168)
    assert payment.register_router(protocol.stranger, sender=protocol.owner) == last
    assert payment.router_count() == last
    assert protocol.open(router_id=last) >> 128 == last
    with boa.reverts("gate: router ids exhausted"):
        payment.register_router(protocol.stranger, sender=protocol.owner)


def test_refuses_nobody_as_settler(protocol, payment):
    with boa.reverts("router: zero settler"):
        payment.register_router(ZERO_ADDRESS, sender=protocol.owner)
    with boa.reverts("router: zero settler"):
        payment.set_settler(1, ZERO_ADDRESS, sender=protocol.settler)


def test_settlers_replace_themselves_and_pending_money_stays(protocol, payment, anchor):
    session = protocol.open()
    protocol.settle((session, 50))
    payment.set_settler(1, protocol.stranger, sender=protocol.settler)
    assert_event(
        payment,
        "RouterSet",
        router_id=1,
        old_settler=protocol.settler,
        new_settler=protocol.stranger,
    )
    assert payment.router(1) == (protocol.stranger, 50)
    with boa.reverts("router: caller is not settler"):
        protocol.settle((session, 60))
    anchor.authorise(payment, True, sender=protocol.stranger)
    assert protocol.settle((session, 60), sender=protocol.stranger) == 10
    assert release_all(protocol) == 60


def test_nobody_else_replaces_a_settler(protocol, payment):
    for sender in (protocol.other_settler, protocol.guardian, protocol.payer, protocol.owner):
        with boa.reverts("router: caller is not settler"):
            payment.set_settler(1, sender, sender=sender)


def test_refuses_unknown_routers(protocol, payment):
    for router_id in (0, 3, 2**256 - 1):
        with boa.reverts("router: caller is not settler"):
            payment.set_settler(router_id, protocol.stranger, sender=protocol.owner)


def test_owner_replaces_the_guardian(protocol, payment):
    payment.set_pause(True, False, sender=protocol.guardian)
    payment.set_guardian(protocol.stranger, sender=protocol.owner)
    assert_event(
        payment,
        "GuardianChanged",
        old_guardian=protocol.guardian,
        new_guardian=protocol.stranger,
    )
    assert payment.control() == (protocol.stranger, True, False)
    assert (payment.router_count(), payment.adopted_version()) == (2, 1)
    with boa.reverts("ownable: caller is not the owner"):
        payment.set_pause(False, False, sender=protocol.guardian)
    payment.set_guardian(ZERO_ADDRESS, sender=protocol.owner)
    assert payment.control() == (ZERO_ADDRESS, True, False)


def test_only_the_owner_replaces_the_guardian(protocol, payment):
    for sender in (protocol.guardian, protocol.stranger):
        with boa.reverts("ownable: caller is not the owner"):
            payment.set_guardian(sender, sender=sender)


@pytest.mark.parametrize("role", ["owner", "guardian"])
@pytest.mark.parametrize("is_open_paused", [False, True])
@pytest.mark.parametrize("is_settle_paused", [False, True])
def test_owner_and_guardian_pause(protocol, payment, role, is_open_paused, is_settle_paused):
    payment.set_pause(True, True, sender=protocol.owner)
    payment.set_pause(is_open_paused, is_settle_paused, sender=getattr(protocol, role))
    assert_event(
        payment,
        "PauseSet",
        is_open_paused=is_open_paused,
        is_settle_paused=is_settle_paused,
    )
    assert payment.control() == (protocol.guardian, is_open_paused, is_settle_paused)
    assert (payment.router_count(), payment.adopted_version()) == (2, 1)


def test_nobody_else_pauses(protocol, payment):
    for sender in (protocol.settler, protocol.payer, protocol.oracle):
        with boa.reverts("ownable: caller is not the owner"):
            payment.set_pause(True, True, sender=sender)


def test_anyone_adopts_the_newest_card_in_effect(protocol, table, payment):
    assert payment.adopt_card(sender=protocol.stranger) == 1
    assert events(payment, "CardAdopted") == []
    table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    assert payment.adopt_card(sender=protocol.stranger) == 1
    travel(DELAY_SECONDS)
    assert payment.adopt_card(sender=protocol.stranger) == 2
    assert_event(payment, "CardAdopted", old_version=1, new_version=2)
    assert payment.adopted_version() == 2
    assert payment.control() == (protocol.guardian, False, False)
    with boa.reverts("session: card not in effect"):
        protocol.open(version=1)
