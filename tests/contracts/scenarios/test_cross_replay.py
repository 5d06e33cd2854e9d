# SPDX-License-Identifier: Apache-2.0
"""A signature made for one chain or one escrow, used on another."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.disputes import KEY
from tests.contracts.events import events
from tests.contracts.protocol import CHAIN_ID, COR, PURSE, VoucherBatch, item
from tests.contracts.signing import account, compact, sign
from tests.contracts.unit.payment.test_open_by_signature import authorization, permit


@pytest.fixture
def session(protocol):
    return protocol.open(funding=1, session_key=KEY.address)


@pytest.fixture
def signer(protocol, cor):
    payer = account("signing payer")
    cor.transfer(payer.address, PURSE, sender=protocol.deployer)
    return payer


def settle(protocol, session, signature):
    batch = VoucherBatch(1, 1, protocol.unique(), 1, "", [(item(session, 9), *signature)])
    return protocol.payment.settle_vouchers(batch, sender=protocol.settler)


def test_every_digest_names_its_escrow(protocol, payment):
    twin = protocol.twin()
    assert twin.hash_voucher(7, 9) != payment.hash_voucher(7, 9)
    assert twin.hash_request(7, bytes(32), 9) != payment.hash_request(7, bytes(32), 9)
    request = protocol.request()
    assert twin.hash_open(protocol.payer, request) != payment.hash_open(protocol.payer, request)


def test_a_voucher_of_another_escrow_moves_nothing(protocol, payment, session):
    signature = compact(KEY, protocol.twin().hash_voucher(session, 9))
    assert settle(protocol, session, signature) == 0
    assert events(payment, "SettlementSkipped")[0]["reason"] == "wrong voucher signer"


def test_a_voucher_of_another_chain_moves_nothing(protocol, payment, session):
    signature = compact(KEY, payment.hash_voucher(session, 9))
    boa.env.evm.patch.chain_id = CHAIN_ID + 1
    try:
        assert settle(protocol, session, signature) == 0
        assert events(payment, "SettlementSkipped")[0]["reason"] == "wrong voucher signer"
    finally:
        boa.env.evm.patch.chain_id = CHAIN_ID
    assert settle(protocol, session, signature) == 9


def test_an_opening_signed_for_another_escrow_opens_nothing(protocol, payment, cor, signer):
    request = protocol.request(amount=COR)
    twin = protocol.twin()
    for signed, opens in (
        (permit(cor, twin, signer, COR), payment.open_with_permit),
        (
            authorization(cor, twin, signer, request),
            lambda *values, **by: payment.open_with_authorization(signer.address, *values, **by),
        ),
    ):
        with boa.reverts():
            opens(request, *signed, sender=signer.address)
    assert cor.balanceOf(signer.address) == PURSE


def test_an_opening_signed_for_another_chain_opens_nothing(protocol, payment, cor, signer):
    request = protocol.request(funding=2, amount=0, salt=bytes(32))
    digest = payment.hash_open(signer.address, request)
    boa.env.evm.patch.chain_id = CHAIN_ID + 1
    try:
        elsewhere = payment.hash_open(signer.address, request)
    finally:
        boa.env.evm.patch.chain_id = CHAIN_ID
    assert elsewhere != digest
    with boa.reverts("session: wrong signer"):
        payment.open_for(signer.address, request, sign(signer, elsewhere), sender=protocol.stranger)
    payment.open_for(signer.address, request, sign(signer, digest), sender=protocol.stranger)
