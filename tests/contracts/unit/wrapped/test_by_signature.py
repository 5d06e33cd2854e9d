# SPDX-License-Identifier: Apache-2.0
"""permit, and that authorizations move wrapped COR; unit/token/ has the rest of EIP-3009."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak

from tests.contracts.events import assert_event
from tests.contracts.protocol import COR, ZERO_ADDRESS, word
from tests.contracts.signing import account, vrs
from tests.contracts.token_signing import Authorization, digest, signed

NONCE = keccak(text="what the money is for")


@pytest.fixture
def terms(holder, other):
    """A permit's signed arguments without the nonce."""
    return (holder.address, other, COR, boa.env.timestamp)


def permit_signature(wrapped, signer, terms, nonce: int = 0):
    """Return a wallet's signature of a permit."""
    owner, spender, amount, deadline = terms
    return signed(wrapped, "Permit", signer, owner, spender, amount, nonce, deadline)


def test_a_permit_sets_an_allowance(wrapped, holder, other, stranger, terms):
    wrapped.permit(*terms, *permit_signature(wrapped, holder, terms), sender=stranger)
    assert_event(wrapped, "Approval", owner=holder.address, spender=other, value=COR)
    assert wrapped.allowance(holder.address, other) == COR
    assert wrapped.nonces(holder.address) == 1


def test_a_permit_is_used_once_and_in_order(wrapped, holder, terms):
    later = permit_signature(wrapped, holder, terms, nonce=1)
    with boa.reverts("wcor: wrong signer"):
        wrapped.permit(*terms, *later)
    first = permit_signature(wrapped, holder, terms)
    wrapped.permit(*terms, *first)
    with boa.reverts("wcor: wrong signer"):
        wrapped.permit(*terms, *first)
    wrapped.permit(*terms, *later)
    assert wrapped.nonces(holder.address) == 2


def test_a_permit_counts_until_its_last_second(wrapped, holder, terms):
    late = (*terms[:3], boa.env.timestamp - 1)
    with boa.reverts("wcor: permit expired"):
        wrapped.permit(*late, *permit_signature(wrapped, holder, late))


@pytest.mark.parametrize("field", range(4))
def test_every_field_of_a_permit_is_signed(wrapped, holder, stranger, terms, field):
    signature = permit_signature(wrapped, holder, terms)
    changed = [stranger, stranger, COR + 1, boa.env.timestamp + 1]
    other = [*terms[:field], changed[field], *terms[field + 1 :]]
    with boa.reverts("wcor: wrong signer"):
        wrapped.permit(*other, *signature)


def test_a_permit_for_another_chain_or_contract_does_not_serve(wrapped, holder, terms):
    owner, spender, amount, deadline = terms
    for domain in ({"chainId": 1}, {"verifyingContract": ZERO_ADDRESS}):
        values = (owner, spender, amount, 0, deadline)
        signature = vrs(holder, digest(wrapped, "Permit", *values, **domain))
        with boa.reverts("wcor: wrong signer"):
            wrapped.permit(*terms, *signature)


def test_nobody_signs_for_somebody_else_or_nobody(wrapped, terms):
    signature = permit_signature(wrapped, account("another owner of tokens"), terms)
    with boa.reverts("wcor: wrong signer"):
        wrapped.permit(*terms, *signature)
    with boa.reverts("ecdsa: invalid signature"):
        wrapped.permit(ZERO_ADDRESS, *terms[1:], 27, word(0), word(0))


def test_inv_w3_authorizations_move_wrapped_cor_once(wrapped, holder, other):
    now = boa.env.timestamp
    given = Authorization(holder.address, other, COR, now - 1, now + 1, NONCE)
    signature = signed(wrapped, "TransferWithAuthorization", holder, *given)
    wrapped.transferWithAuthorization(*given, *signature)
    assert_event(wrapped, "AuthorizationUsed", authorizer=holder.address, nonce=NONCE)
    taken = given._replace(nonce=word(2))
    signature = signed(wrapped, "ReceiveWithAuthorization", holder, *taken)
    wrapped.receiveWithAuthorization(*taken, *signature, sender=other)
    with boa.reverts("authorization: used or cancelled"):
        wrapped.receiveWithAuthorization(*taken, *signature, sender=other)
    assert wrapped.balanceOf(other) == 2 * COR
    assert wrapped.balanceOf(holder.address) == 98 * COR
    assert wrapped.totalSupply() == 100 * COR


def test_an_authorization_does_not_lose_tokens(wrapped, holder):
    now = boa.env.timestamp
    for to, reason in (
        (ZERO_ADDRESS, "wcor: zero receiver"),
        (wrapped.address, "wcor: receiver is the token"),
    ):
        given = Authorization(holder.address, to, COR, now - 1, now + 1, NONCE)
        signature = signed(wrapped, "TransferWithAuthorization", holder, *given)
        with boa.reverts(reason):
            wrapped.transferWithAuthorization(*given, *signature)


def test_a_cancelled_authorization_is_over(wrapped, holder):
    signature = signed(wrapped, "CancelAuthorization", holder, holder.address, NONCE)
    wrapped.cancelAuthorization(holder.address, NONCE, *signature)
    assert_event(wrapped, "AuthorizationCanceled", authorizer=holder.address, nonce=NONCE)
    assert wrapped.authorizationState(holder.address, NONCE)
