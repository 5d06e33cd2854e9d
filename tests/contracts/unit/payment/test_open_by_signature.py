# SPDX-License-Identifier: Apache-2.0
"""Opening by EIP-2612 permit, by EIP-3009 authorization, and by a payer's signature."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts.protocol import COR, PURSE, U96, ZERO_ADDRESS, deployer_of, travel
from tests.contracts.signing import account, sign, vrs

PERMIT = keccak(
    text="Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
RECEIVE = keccak(
    text="ReceiveWithAuthorization(address from,address to,uint256 value,"
    "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
FAR = 2**40


@pytest.fixture
def signer(protocol, cor):
    """A payer whose key is at hand, with COR and without any allowance."""
    payer = account("signing payer")
    cor.transfer(payer.address, PURSE, sender=protocol.deployer)
    return payer


def typed(cor, struct: bytes) -> bytes:
    return keccak(b"\x19\x01" + cor.DOMAIN_SEPARATOR() + struct)


def permit(cor, payment, signer, amount: int, deadline: int = FAR):
    fields = ["bytes32", "address", "address", "uint256", "uint256", "uint256"]
    values = [
        PERMIT,
        signer.address,
        payment.address,
        amount,
        cor.nonces(signer.address),
        deadline,
    ]
    return (deadline, *vrs(signer, typed(cor, keccak(encode(fields, values)))))


def authorization(cor, payment, signer, request, after: int = 0, before: int = FAR):
    nonce = payment.hash_open(signer.address, request)
    fields = ["bytes32", "address", "address", "uint256", "uint256", "uint256", "bytes32"]
    values = [RECEIVE, signer.address, payment.address, request.amount, after, before, nonce]
    return (after, before, *vrs(signer, typed(cor, keccak(encode(fields, values)))))


# By permit.


def test_a_permit_opens_in_one_transaction(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR)
    assert cor.allowance(signer.address, payment.address) == 0
    signed = permit(cor, payment, signer, 7 * COR)
    session = payment.open_with_permit(request, *signed, sender=signer.address)
    assert payment.session(session).payer == signer.address
    assert payment.session(session).deposit == cor.balanceOf(payment) == 7 * COR
    assert cor.allowance(signer.address, payment.address) == 0


def test_a_late_or_smaller_permit_opens_nothing(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR)
    late = permit(cor, payment, signer, 7 * COR, deadline=boa.env.timestamp - 1)
    small = permit(cor, payment, signer, 7 * COR - 1)
    for signed in (late, small):
        with boa.reverts():
            payment.open_with_permit(request, *signed, sender=signer.address)


# By authorization.


def test_an_authorization_opens_for_a_payer_without_gas(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR, session_key=protocol.other_payer)
    signed = authorization(cor, payment, signer, request)
    session = payment.open_with_authorization(
        signer.address, request, *signed, sender=protocol.stranger
    )
    facts = payment.session(session)
    assert (facts.payer, facts.session_key) == (signer.address, protocol.other_payer)
    assert facts.deposit == cor.balanceOf(payment) == 7 * COR
    assert cor.balanceOf(signer.address) == PURSE - 7 * COR


def test_an_authorization_is_for_its_terms_alone(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR)
    signed = authorization(cor, payment, signer, request)
    for changes in (
        {"router_id": 2},
        {"session_key": protocol.stranger},
        {"task_cap_gwei": 2**64 - 1},
        {"surcharge_cap_bps": 10_000},
        {"expiry": request.expiry + 1},
        {"terms": 1},
        {"salt": protocol.unique()},
    ):
        with boa.reverts():
            payment.open_with_authorization(
                signer.address, request._replace(**changes), *signed, sender=protocol.stranger
            )
    assert cor.balanceOf(payment) == 0


def test_an_authorization_opens_once(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR)
    signed = authorization(cor, payment, signer, request)
    payment.open_with_authorization(signer.address, request, *signed, sender=protocol.stranger)
    with boa.reverts("session: exists"):
        payment.open_with_authorization(signer.address, request, *signed, sender=protocol.stranger)


def test_an_authorization_keeps_its_validity(protocol, payment, cor, signer):
    request = protocol.request(amount=7 * COR)
    now = boa.env.timestamp
    early = authorization(cor, payment, signer, request, after=now + 10)
    late = authorization(cor, payment, signer, request, before=now)
    for signed in (early, late):
        with boa.reverts():
            payment.open_with_authorization(
                signer.address, request, *signed, sender=protocol.stranger
            )
    travel(20)
    payment.open_with_authorization(signer.address, request, *early, sender=protocol.stranger)


def test_an_authorization_needs_a_deposit(protocol, payment, signer):
    request = protocol.request(funding=2, amount=0, salt=bytes(32))
    with boa.reverts("session: zero amount"):
        payment.open_with_authorization(
            signer.address, request, 0, FAR, 27, bytes(32), bytes(32), sender=protocol.stranger
        )


# By a payer's signature.


def test_a_sponsor_opens_what_an_account_signed(protocol, payment, cor, signer):
    request = protocol.request(amount=3 * COR, session_key=protocol.stranger)
    signature = sign(signer, payment.hash_open(signer.address, request))
    session = payment.open_for(signer.address, request, signature, sender=protocol.payer)
    facts = payment.session(session)
    assert (facts.payer, facts.session_key) == (signer.address, protocol.stranger)
    assert cor.balanceOf(signer.address) == PURSE
    assert cor.balanceOf(protocol.payer) == PURSE - 3 * COR
    travel(payment.withdrawable_at(session) - boa.env.timestamp)
    payment.withdraw(session, sender=protocol.payer)
    assert cor.balanceOf(signer.address) == PURSE + 3 * COR


def test_a_stake_session_can_be_signed_for_too(protocol, payment, cor, signer):
    request = protocol.request(funding=2, amount=0, salt=bytes(32))
    signature = sign(signer, payment.hash_open(signer.address, request))
    session = payment.open_for(signer.address, request, signature, sender=protocol.stranger)
    assert payment.session(session).funding == 2


def test_a_contract_wallet_signs_by_erc_1271(protocol, payment, cor, signer):
    wallet = deployer_of("mocks/MockWallet").deploy(signer.address)
    request = protocol.request(amount=3 * COR)
    signature = sign(signer, payment.hash_open(wallet.address, request))
    session = payment.open_for(wallet.address, request, signature, sender=protocol.payer)
    assert payment.session(session).payer == wallet.address


@pytest.mark.parametrize("length", [0, 64, 66, 1024])
def test_a_signature_of_another_form_is_refused(protocol, payment, signer, length):
    with boa.reverts("session: wrong signer"):
        payment.open_for(signer.address, protocol.request(), b"\1" * length, sender=protocol.payer)


def test_a_signature_of_somebody_else_is_refused(protocol, payment, cor, signer):
    request = protocol.request()
    other = account("another signer")
    wallet = deployer_of("mocks/MockWallet").deploy(signer.address)
    for payer in (signer.address, wallet.address):
        signature = sign(other, payment.hash_open(payer, request))
        with boa.reverts("session: wrong signer"):
            payment.open_for(payer, request, signature, sender=protocol.payer)
    # A contract that knows nothing of ERC-1271 signs nothing.
    signature = sign(signer, payment.hash_open(cor.address, request))
    with boa.reverts("session: wrong signer"):
        payment.open_for(cor.address, request, signature, sender=protocol.payer)


def test_nobody_opens_for_the_zero_address(protocol, payment):
    with boa.reverts():
        payment.open_for(ZERO_ADDRESS, protocol.request(), bytes(65), sender=protocol.payer)
    with boa.reverts("session: zero payer"):
        payment.open_with_authorization(
            ZERO_ADDRESS, protocol.request(), 0, U96, 27, bytes(32), bytes(32)
        )
