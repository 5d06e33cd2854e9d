# SPDX-License-Identifier: Apache-2.0
"""Somebody sees a payer's permit or authorization coming, and uses it first."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.protocol import COR, PURSE
from tests.contracts.signing import account
from tests.contracts.unit.payment.test_open_by_signature import authorization, permit


@pytest.fixture
def signer(protocol, cor):
    payer = account("signing payer")
    cor.transfer(payer.address, PURSE, sender=protocol.deployer)
    return payer


def test_a_permit_that_was_used_first_opens_all_the_same(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR)
    signed = permit(cor, payment, signer, 7 * COR)
    cor.permit(signer.address, payment, 7 * COR, *signed, sender=protocol.stranger)
    session = payment.open_with_permit(request, *signed, sender=signer.address)
    assert payment.session(session).deposit == 7 * COR
    assert payment.session(session).payer == signer.address


def test_the_thief_of_a_permit_opens_nothing_for_itself(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR)
    signed = permit(cor, payment, signer, 7 * COR)
    before = cor.balanceOf(signer.address)
    with boa.reverts():
        payment.open_with_permit(request, *signed, sender=protocol.stranger)
    assert cor.balanceOf(signer.address) == before


def test_an_authorization_is_no_use_at_the_token_itself(protocol, payment, cor, signer):
    """It names its receiver, and only the receiver may use it: nobody can move the money apart."""
    request = protocol.request(amount=7 * COR)
    after, before, v, r, s = authorization(cor, payment, signer, request)
    nonce = payment.hash_open(signer.address, request)
    with boa.reverts():
        cor.receiveWithAuthorization(
            signer.address,
            payment,
            7 * COR,
            after,
            before,
            nonce,
            v,
            r,
            s,
            sender=protocol.stranger,
        )
    session = payment.open_with_authorization(
        signer.address, request, after, before, v, r, s, sender=protocol.stranger
    )
    assert payment.session(session).payer == signer.address
