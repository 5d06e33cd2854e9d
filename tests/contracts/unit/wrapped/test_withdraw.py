# SPDX-License-Identifier: Apache-2.0
"""withdraw and withdraw_to, to honest receivers and hostile ones."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector

from tests.contracts.events import assert_event
from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import COR, ZERO_ADDRESS


def calldata(signature: str, *values: object) -> bytes:
    """Return the calldata of a function."""
    types = [name for name in signature[signature.index("(") + 1 : -1].split(",") if name]
    return function_signature_to_4byte_selector(signature) + encode(types, list(values))


def test_a_withdrawal_burns_tokens_and_pays_coin(wrapped, holder):
    wrapped.withdraw(40 * COR, sender=holder.address)
    assert_event(wrapped, "Transfer", sender=holder.address, receiver=ZERO_ADDRESS, value=40 * COR)
    assert wrapped.balanceOf(holder.address) == 60 * COR
    assert wrapped.totalSupply() == 60 * COR
    assert boa.env.get_balance(wrapped.address) == 60 * COR
    assert boa.env.get_balance(holder.address) == 140 * COR


def test_a_withdrawal_pays_whom_the_holder_names(wrapped, holder, other):
    wrapped.withdraw_to(other, 100 * COR, sender=holder.address)
    assert_event(wrapped, "Transfer", sender=holder.address, receiver=ZERO_ADDRESS, value=100 * COR)
    assert boa.env.get_balance(other) == 100 * COR
    assert wrapped.totalSupply() == 0


def test_nobody_withdraws_what_is_not_theirs(wrapped, holder, stranger):
    with boa.reverts("wcor: balance too low"):
        wrapped.withdraw(1, sender=stranger)
    with boa.reverts("wcor: balance too low"):
        wrapped.withdraw_to(stranger, 100 * COR + 1, sender=holder.address)
    wrapped.approve(stranger, 2**256 - 1, sender=holder.address)
    with boa.reverts("wcor: balance too low"):
        wrapped.withdraw(1, sender=stranger)


def test_a_withdrawal_of_nothing_is_refused(wrapped, holder, other):
    with boa.reverts("wcor: zero amount"):
        wrapped.withdraw(0, sender=holder.address)
    with boa.reverts("wcor: zero amount"):
        wrapped.withdraw_to(other, 0, sender=holder.address)


def test_a_withdrawal_to_nobody_or_the_token_is_refused(wrapped, holder):
    with boa.reverts("wcor: zero receiver"):
        wrapped.withdraw_to(ZERO_ADDRESS, 1, sender=holder.address)
    with boa.reverts("wcor: receiver is the token"):
        wrapped.withdraw_to(wrapped.address, 1, sender=holder.address)


def test_a_receiver_that_refuses_coin_costs_nothing(wrapped, holder):
    refuser = deploy_fresh("mocks/MockSilentToken", 1)
    with boa.reverts("wcor: receiver refused coin"):
        wrapped.withdraw_to(refuser.address, COR, sender=holder.address)
    assert wrapped.balanceOf(holder.address) == 100 * COR
    assert boa.env.get_balance(wrapped.address) == 100 * COR


@pytest.fixture
def hostile(wrapped, holder, wallet):
    """A wallet with 10 wrapped COR; nobody but the holder has more."""
    wrapped.transfer(wallet, 10 * COR, sender=holder.address)
    return wallet


def withdraw_hostile(wrapped, hostile, holder, payload: bytes, value: int = 4 * COR) -> None:
    """Withdraw to the hostile wallet, which calls the token back with the payload."""
    hostile.call_back(wrapped, payload, sender=holder.address)
    hostile.execute(wrapped, calldata("withdraw(uint256)", value), sender=holder.address)


@pytest.mark.parametrize(
    "payload",
    [
        calldata("withdraw(uint256)", 4 * COR),
        calldata("withdraw_to(address,uint256)", "0x" + "11" * 20, COR),
        calldata("deposit()"),
        calldata("deposit_to(address)", "0x" + "11" * 20),
    ],
    ids=["withdraw", "withdraw_to", "deposit", "deposit_to"],
)
def test_inv_w1_no_way_back_in_while_coin_goes_out(wrapped, hostile, holder, payload):
    withdraw_hostile(wrapped, hostile, holder, payload)
    assert (hostile.attempts(), hostile.successes()) == (1, 0)
    assert boa.env.get_balance(hostile.address) == 4 * COR
    assert wrapped.balanceOf(hostile) == 6 * COR
    assert wrapped.totalSupply() == boa.env.get_balance(wrapped.address) == 96 * COR


def test_inv_w2_what_is_called_back_sees_the_balances_after_the_burn(
    wrapped, hostile, holder, other
):
    moved = calldata("transfer(address,uint256)", other, 6 * COR + 1)
    withdraw_hostile(wrapped, hostile, holder, moved)
    assert (hostile.attempts(), hostile.successes()) == (1, 0)
    moved = calldata("transfer(address,uint256)", other, 2 * COR)
    withdraw_hostile(wrapped, hostile, holder, moved)
    assert (hostile.attempts(), hostile.successes()) == (2, 1)
    assert wrapped.balanceOf(hostile) == 0
    assert wrapped.balanceOf(other) == 2 * COR
    assert wrapped.totalSupply() == boa.env.get_balance(wrapped.address) == 92 * COR


def test_the_same_calls_work_from_outside(wrapped, hostile, holder):
    """The control: what is refused above is refused for the lock, not for its arguments."""
    for payload in (
        calldata("withdraw(uint256)", 4 * COR),
        calldata("withdraw_to(address,uint256)", "0x" + "11" * 20, COR),
    ):
        hostile.execute(wrapped, payload, sender=holder.address)
    assert wrapped.balanceOf(hostile) == 5 * COR
    hostile.execute(wrapped, calldata("deposit()"), 3 * COR, sender=holder.address)
    assert wrapped.balanceOf(hostile) == 8 * COR
