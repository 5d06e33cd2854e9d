# SPDX-License-Identifier: Apache-2.0
"""transfer, transferFrom, approve and what a wallet shows."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event, events
from tests.contracts.protocol import CHAIN_ID, COR, ZERO_ADDRESS
from tests.contracts.token_signing import digest

NO_LIMIT = 2**256 - 1


def test_it_is_an_erc20_with_the_coins_decimals(wrapped):
    assert (wrapped.name(), wrapped.symbol(), wrapped.decimals()) == (
        "Wrapped Cortensor",
        "WCOR",
        18,
    )


def test_its_domain_is_what_a_wallet_computes(wrapped, holder):
    fields, name, version, chain, contract, salt, extensions = wrapped.eip712Domain()
    assert (fields, name, version) == (b"\x0f", "Wrapped Cortensor", "1")
    assert (chain, contract, salt, extensions) == (CHAIN_ID, wrapped.address, bytes(32), [])
    assert len(wrapped.DOMAIN_SEPARATOR()) == 32
    first = digest(wrapped, "CancelAuthorization", holder.address, bytes(32))
    assert first != digest(wrapped, "CancelAuthorization", holder.address, bytes(32), version="2")


def test_a_transfer_moves_tokens(wrapped, holder, other):
    assert wrapped.transfer(other, 30 * COR, sender=holder.address) is True
    assert_event(wrapped, "Transfer", sender=holder.address, receiver=other, value=30 * COR)
    assert wrapped.balanceOf(holder.address) == 70 * COR
    assert wrapped.balanceOf(other) == 30 * COR
    assert wrapped.totalSupply() == 100 * COR


def test_a_transfer_of_nothing_is_one(wrapped, stranger, other):
    wrapped.transfer(other, 0, sender=stranger)
    assert_event(wrapped, "Transfer", sender=stranger, receiver=other, value=0)


def test_inv_w2_a_transfer_to_oneself_changes_nothing(wrapped, holder):
    wrapped.transfer(holder.address, 100 * COR, sender=holder.address)
    assert wrapped.balanceOf(holder.address) == 100 * COR == wrapped.totalSupply()


def test_nobody_moves_more_than_they_have(wrapped, holder, stranger, other):
    with boa.reverts("wcor: balance too low"):
        wrapped.transfer(other, 100 * COR + 1, sender=holder.address)
    with boa.reverts("wcor: balance too low"):
        wrapped.transfer(holder.address, 100 * COR + 1, sender=holder.address)
    wrapped.approve(stranger, NO_LIMIT, sender=holder.address)
    with boa.reverts("wcor: balance too low"):
        wrapped.transferFrom(holder.address, other, 100 * COR + 1, sender=stranger)


@pytest.mark.parametrize("function", ["transfer", "transferFrom"])
def test_tokens_are_not_sent_where_they_are_lost(wrapped, holder, function):
    first = () if function == "transfer" else (holder.address,)
    wrapped.approve(holder.address, NO_LIMIT, sender=holder.address)
    for to, reason in (
        (ZERO_ADDRESS, "wcor: zero receiver"),
        (wrapped.address, "wcor: receiver is the token"),
    ):
        with boa.reverts(reason):
            getattr(wrapped, function)(*first, to, 1, sender=holder.address)


def test_a_spender_takes_up_to_its_allowance(wrapped, holder, stranger, other):
    assert wrapped.approve(stranger, 5, sender=holder.address) is True
    assert_event(wrapped, "Approval", owner=holder.address, spender=stranger, value=5)
    assert wrapped.transferFrom(holder.address, other, 3, sender=stranger) is True
    assert_event(wrapped, "Transfer", sender=holder.address, receiver=other, value=3)
    assert wrapped.allowance(holder.address, stranger) == 2
    with boa.reverts("wcor: allowance too low"):
        wrapped.transferFrom(holder.address, other, 3, sender=stranger)
    assert wrapped.balanceOf(other) == 3


def test_an_allowance_without_limit_stays(wrapped, holder, stranger, other):
    wrapped.approve(stranger, NO_LIMIT, sender=holder.address)
    wrapped.transferFrom(holder.address, other, 3, sender=stranger)
    assert events(wrapped, "Approval") == []
    assert wrapped.allowance(holder.address, stranger) == NO_LIMIT
    wrapped.approve(stranger, 0, sender=holder.address)
    with boa.reverts("wcor: allowance too low"):
        wrapped.transferFrom(holder.address, other, 1, sender=stranger)


def test_an_own_balance_is_no_allowance(wrapped, holder, other):
    with boa.reverts("wcor: allowance too low"):
        wrapped.transferFrom(holder.address, other, 1, sender=holder.address)


def test_nothing_looks_minted_without_a_deposit(wrapped, stranger, other):
    with boa.reverts("wcor: zero owner"):
        wrapped.transferFrom(ZERO_ADDRESS, other, 0, sender=stranger)


def test_nobody_allows_nobody(wrapped, holder):
    with boa.reverts("wcor: zero spender"):
        wrapped.approve(ZERO_ADDRESS, 1, sender=holder.address)
