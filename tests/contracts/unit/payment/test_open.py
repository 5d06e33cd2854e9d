# SPDX-License-Identifier: Apache-2.0
"""SessionPayment.open: the first deposit, pinned terms, and whatever is refused."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import (
    CHAIN_ID,
    COR,
    DELAY_SECONDS,
    PURSE,
    REFERENCE_CARD,
    U96,
    travel,
    word,
)


def test_takes_the_deposit_and_pins_the_terms(protocol, payment, cor):
    expiry = boa.env.timestamp + 1_000
    request = protocol.request(
        volume_tier=3,
        surcharge_cap_bps=65_535,
        task_cap_gwei=2**64 - 1,
        expiry=expiry,
        amount=5 * COR,
        session_key=protocol.stranger,
        terms=77,
    )
    session = payment.open(request, sender=protocol.payer)
    assert_event(
        payment,
        "SessionOpened",
        session=session,
        payer=protocol.payer,
        router_id=1,
        deposit=5 * COR,
        expiry=expiry,
        version=1,
        funding=0,
        volume_tier=3,
        surcharge_cap_bps=65_535,
        task_cap_gwei=2**64 - 1,
        session_key=protocol.stranger,
        terms=77,
    )
    assert payment.session(session)._asdict() == {
        "payer": protocol.payer,
        "session_key": protocol.stranger,
        "deposit": 5 * COR,
        "settled": 0,
        "expiry": expiry,
        "state": 1,
        "funding": 0,
        "volume_tier": 3,
        "version": 1,
        "surcharge_cap_bps": 65_535,
        "task_cap_gwei": 2**64 - 1,
    }
    assert cor.balanceOf(payment) == 5 * COR
    assert cor.balanceOf(protocol.payer) == PURSE - 5 * COR


def test_the_id_is_the_routers_and_the_payers(protocol, payment):
    salt = word(0xFEED)
    session = protocol.open(router_id=2, salt=salt)
    preimage = encode(
        ["uint256", "address", "address", "bytes32"],
        [CHAIN_ID, payment.address, protocol.payer, salt],
    )
    low = int.from_bytes(keccak(preimage), "big") % 2**128
    assert session == 2 << 128 | low
    assert session == payment.session_id(protocol.payer, 2, salt)


def test_a_salt_opens_one_session(protocol):
    salt = protocol.unique()
    session = protocol.open(salt=salt)
    with boa.reverts("session: exists"):
        protocol.open(salt=salt)
    # Other payers and other routers have ids of their own.
    assert len({session, protocol.open(protocol.other_payer, salt=salt)}) == 2
    assert protocol.open(salt=salt, router_id=2) != session


def test_a_closed_sessions_salt_stays_used(protocol, payment):
    salt = protocol.unique()
    session = protocol.open(salt=salt, expiry=boa.env.timestamp + 1)
    travel(1 + payment.SETTLE_WINDOW_SECONDS() + 1)
    payment.withdraw(session, sender=protocol.payer)
    with boa.reverts("session: exists"):
        protocol.open(salt=salt)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"funding": 3}, "session: unknown funding"),
        ({"funding": 255}, "session: unknown funding"),
        ({"funding": 1}, "session: vouchers need a key"),
        ({"funding": 2}, "session: stake takes no deposit"),
        ({"funding": 2, "amount": 0, "salt": word(32)}, "session: unknown stake profile"),
        ({"amount": 0}, "session: zero amount"),
        ({"volume_tier": 4}, "session: unknown volume tier"),
        ({"volume_tier": 255}, "session: unknown volume tier"),
        ({"router_id": 0}, "session: unknown router"),
        ({"router_id": 3}, "session: unknown router"),
        ({"router_id": 2**32 - 1}, "session: unknown router"),
        ({"version": 0}, "session: card not in effect"),
        ({"version": 2}, "session: card not in effect"),
    ],
)
def test_refuses(protocol, changes, reason):
    with boa.reverts(reason):
        protocol.open(**changes)


def test_expiry_is_in_the_future(protocol, payment):
    with boa.reverts("session: expiry has passed"):
        protocol.open(expiry=boa.env.timestamp)
    session = protocol.open(expiry=boa.env.timestamp + 1)
    assert payment.session(session).expiry == boa.env.timestamp + 1
    assert payment.session(protocol.open(expiry=2**40 - 1)).expiry == 2**40 - 1


def test_paused_opening(protocol, payment):
    payment.set_pause(True, False, sender=protocol.guardian)
    with boa.reverts("session: opening paused"):
        protocol.open()
    payment.set_pause(False, True, sender=protocol.guardian)
    assert protocol.open()


def test_needs_the_money_and_the_allowance(protocol, payment, cor):
    with boa.reverts("erc20: transfer amount exceeds balance"):
        protocol.open(amount=PURSE + 1)
    cor.approve(payment, COR, sender=protocol.payer)
    with boa.reverts("erc20: insufficient allowance"):
        protocol.open(amount=COR + 1)
    assert protocol.open(amount=COR)


def test_refuses_more_than_a_uint96(protocol, payment):
    request = protocol.request()
    with pytest.raises(Exception, match="96"):
        payment.open(request._replace(amount=U96 + 1), sender=protocol.payer)


def test_the_first_session_under_a_new_card_adopts_it(protocol, table, payment):
    table.publish(REFERENCE_CARD.abi_tuple(), sender=protocol.owner)
    travel(DELAY_SECONDS - 1)
    with boa.reverts("session: card not in effect"):
        protocol.open(version=2)
    travel(1)
    # Until somebody adopts the new card, the old one can still be opened under.
    assert payment.session(protocol.open(version=1)).version == 1
    session = protocol.open(version=2)
    assert_event(payment, "CardAdopted", old_version=1, new_version=2)
    assert payment.session(session).version == payment.adopted_version() == 2
    assert payment.control() == (protocol.guardian, False, False)
    assert payment.router_count() == 2
    protocol.open(version=2)
    assert events(payment, "CardAdopted") == []
    with boa.reverts("session: card not in effect"):
        protocol.open(version=1)
