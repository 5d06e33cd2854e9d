# SPDX-License-Identifier: Apache-2.0
"""deposit, deposit_to, and what is refused instead."""

from __future__ import annotations

import boa
import pytest
from eth.exceptions import Revert

from tests.contracts.events import assert_event
from tests.contracts.protocol import COR, U96, ZERO_ADDRESS


def test_a_deposit_makes_one_token_a_coin(wrapped, holder):
    wrapped.deposit(value=COR, sender=holder.address)
    assert_event(wrapped, "Transfer", sender=ZERO_ADDRESS, receiver=holder.address, value=COR)
    assert wrapped.balanceOf(holder.address) == 101 * COR
    assert wrapped.totalSupply() == 101 * COR
    assert boa.env.get_balance(wrapped.address) == 101 * COR
    assert boa.env.get_balance(holder.address) == 99 * COR


def test_a_deposit_for_somebody_else_is_theirs(wrapped, holder, other):
    wrapped.deposit_to(other, value=COR, sender=holder.address)
    assert_event(wrapped, "Transfer", sender=ZERO_ADDRESS, receiver=other, value=COR)
    assert wrapped.balanceOf(other) == COR
    assert wrapped.balanceOf(holder.address) == 100 * COR
    assert wrapped.totalSupply() == 101 * COR


def test_a_deposit_of_nothing_is_refused(wrapped, holder, other):
    with boa.reverts("wcor: zero amount"):
        wrapped.deposit(sender=holder.address)
    with boa.reverts("wcor: zero amount"):
        wrapped.deposit_to(other, sender=holder.address)


def test_a_deposit_for_nobody_or_the_token_is_refused(wrapped, holder):
    with boa.reverts("wcor: zero receiver"):
        wrapped.deposit_to(ZERO_ADDRESS, value=1, sender=holder.address)
    with boa.reverts("wcor: receiver is the token"):
        wrapped.deposit_to(wrapped.address, value=1, sender=holder.address)


def test_inv_w4_the_supply_never_exceeds_96_bits(wrapped, stranger):
    boa.env.set_balance(stranger, 2**97)
    room = U96 - 100 * COR
    with boa.reverts("wcor: supply exceeds uint96"):
        wrapped.deposit(value=room + 1, sender=stranger)
    wrapped.deposit(value=room, sender=stranger)
    assert wrapped.totalSupply() == U96
    with boa.reverts("wcor: supply exceeds uint96"):
        wrapped.deposit_to(stranger, value=1, sender=stranger)


@pytest.mark.parametrize("data", [b"", b"\x00", bytes.fromhex("deadbeef"), bytes(100)], ids=len)
def test_coin_without_a_deposit_and_unknown_functions_are_refused(wrapped, holder, data):
    before = boa.env.get_balance(wrapped.address)
    for value in (0, 1):
        with pytest.raises(Revert):
            boa.env.raw_call(wrapped.address, data=data, sender=holder.address, value=value)
    assert boa.env.get_balance(wrapped.address) == before


@pytest.mark.parametrize("function", ["withdraw", "transfer", "approve"])
def test_only_a_deposit_takes_coin(wrapped, holder, other, function):
    arguments = (1,) if function == "withdraw" else (other, 1)
    with pytest.raises(boa.BoaError):
        getattr(wrapped, function)(*arguments, value=1, sender=holder.address)


def test_inv_w1_coin_forced_in_belongs_to_nobody(wrapped, holder):
    boa.env.set_balance(wrapped.address, 100 * COR + 7)
    assert wrapped.totalSupply() == 100 * COR
    wrapped.withdraw(100 * COR, sender=holder.address)
    assert wrapped.totalSupply() == 0
    assert boa.env.get_balance(wrapped.address) == 7
    with boa.reverts("wcor: balance too low"):
        wrapped.withdraw(1, sender=holder.address)
