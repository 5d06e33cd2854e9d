# SPDX-License-Identifier: Apache-2.0
"""Tokens that misbehave: returning False, returning nothing, calling back."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector

from tests.contracts.protocol import (
    COR,
    NODES,
    ZERO_ADDRESS,
    Protocol,
    release_all,
    travel_to,
)


@pytest.fixture(scope="module")
def hostile():
    return Protocol(token="mocks/MockHostileToken")


@pytest.fixture(scope="module")
def silent():
    return Protocol(token="mocks/MockSilentToken")


def test_a_token_that_returns_nothing_works(silent):
    session = silent.open(amount=COR)
    silent.payment.top_up(session, COR, sender=silent.payer)
    assert silent.settle((session, COR)) == COR
    travel_to(silent.payment.withdrawable_at(session))
    before = silent.cor.balanceOf(silent.payer)
    assert silent.payment.withdraw(session, sender=silent.payer) == COR
    assert silent.cor.balanceOf(silent.payer) == before + COR
    assert silent.cor.balanceOf(silent.payment) == COR


def test_a_deposit_that_the_token_refuses_is_none(hostile):
    session = hostile.open(amount=COR)
    hostile.cor.refuse(True)
    with boa.reverts("token: refused transfer"):
        hostile.open(amount=COR)
    with boa.reverts("token: refused transfer"):
        hostile.payment.top_up(session, 1, sender=hostile.payer)
    assert hostile.payment.session(session).deposit == COR


def test_a_payment_that_the_token_refuses_can_be_tried_again(hostile):
    session = hostile.open(amount=COR)
    hostile.settle((session, 1_000))
    release_all(hostile)
    travel_to(hostile.payment.withdrawable_at(session))
    hostile.cor.refuse(True)
    with boa.reverts("token: refused transfer"):
        hostile.payment.withdraw(session, sender=hostile.payer)
    with boa.reverts("token: refused transfer"):
        hostile.payment.pay_pot(NODES, sender=hostile.stranger)
    hostile.cor.refuse(False)
    assert hostile.payment.withdraw(session, sender=hostile.payer) == COR - 1_000
    assert hostile.payment.pay_pot(NODES, sender=hostile.stranger) == 700


def calls(session: int) -> dict[str, bytes]:
    """Return calldata that a token could call the escrow back with, by function."""
    opened = (
        "(uint32,uint16,uint8,uint8,uint16,uint64,uint40,address,uint256,bytes32,uint96)",
        (1, 1, 0, 0, 0, 0, 2**40 - 1, ZERO_ADDRESS, 0, bytes(32), 1),
    )
    arguments = {
        "withdraw": [("uint256", session)],
        "top_up": [("uint256", session), ("uint256", 1)],
        "release": [("uint256", 1), ("uint256", 1), ("uint256", 1)],
        "pay_pot": [("uint256", NODES)],
        "request_close": [("uint256", session)],
        "adopt_card": [],
        "open": [opened],
        # A view would show a state between the checks and the effects.
        "session": [("uint256", session)],
        "router": [("uint256", 1)],
    }
    return {
        name: function_signature_to_4byte_selector(f"{name}({','.join(t for t, _ in pairs)})")
        + encode([t for t, _ in pairs], [value for _, value in pairs])
        for name, pairs in arguments.items()
    }


@pytest.mark.parametrize("function", list(calls(0)))
def test_no_way_back_in_while_paying(hostile, function):
    session, other = hostile.open(amount=COR), hostile.open(amount=COR)
    travel_to(hostile.payment.withdrawable_at(other))
    hostile.cor.call_back(hostile.payment.address, calls(other)[function])
    balance = hostile.cor.balanceOf(hostile.payment)
    assert hostile.payment.withdraw(session, sender=hostile.payer) == COR
    assert (hostile.cor.attempts(), hostile.cor.successes()) == (1, 0)
    assert hostile.cor.balanceOf(hostile.payment) == balance - COR
    assert hostile.payment.session(other).deposit == COR


@pytest.mark.parametrize("function", ["withdraw", "session"])
def test_no_way_back_in_while_taking(hostile, function):
    other = hostile.open(amount=COR)
    travel_to(hostile.payment.withdrawable_at(other))
    hostile.cor.call_back(hostile.payment.address, calls(other)[function])
    session = hostile.open(amount=2 * COR)
    assert (hostile.cor.attempts(), hostile.cor.successes()) == (1, 0)
    assert hostile.payment.session(session).deposit == 2 * COR
    assert hostile.payment.session(other).deposit == COR


def test_the_same_calls_work_from_outside(hostile):
    """The control: what is refused above is refused for the lock, not for its arguments."""
    session = hostile.open(amount=COR)
    travel_to(hostile.payment.withdrawable_at(session))
    for function in ("session", "router", "adopt_card", "withdraw"):
        boa.env.raw_call(
            hostile.payment.address, data=calls(session)[function], sender=hostile.stranger
        )
    assert hostile.payment.session(session).deposit == 0
