# SPDX-License-Identifier: Apache-2.0
"""EIP-3009, the same in the local token and in wrapped COR; signed by a wallet's library."""

from __future__ import annotations

import boa
import pytest
from eth_utils import keccak
from vyper.compiler.output import build_method_identifiers_output

from tests.contracts.events import assert_event
from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, COR, START, SUPPLY, ZERO_ADDRESS, deployer_of, word
from tests.contracts.signing import account, vrs
from tests.contracts.token_signing import Authorization, digest, signed

TRANSFER, RECEIVE, CANCEL = (
    "TransferWithAuthorization",
    "ReceiveWithAuthorization",
    "CancelAuthorization",
)
NONCE = keccak(text="what the money is for")
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
# As the EIP prints them.
PUBLISHED = {
    TRANSFER: "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267",
    RECEIVE: "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8",
    CANCEL: "158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429",
}
SELECTORS = {
    "transferWithAuthorization": "0xe3ee160e",
    "receiveWithAuthorization": "0xef55bec6",
    "cancelAuthorization": "0x5a049a70",
    "authorizationState": "0xe94a0102",
}


def deploy_local(owner: str):
    """Deploy the local token; the owner gets 100 COR."""
    with boa.env.prank(boa.env.generate_address()):
        cor = deployer_of("mocks/MockCOR").deploy(SUPPLY)
        cor.transfer(owner, 100 * COR)
    return cor


def deploy_wrapped(owner: str):
    """Deploy wrapped COR; the owner wraps 100."""
    wrapped = deploy_fresh("WrappedCOR")
    boa.env.set_balance(owner, 200 * COR)
    wrapped.deposit(value=100 * COR, sender=owner)
    return wrapped


@pytest.fixture(scope="module")
def owner():
    return account("owner of tokens")


@pytest.fixture(scope="module")
def payee():
    return boa.env.generate_address("payee")


@pytest.fixture(scope="module")
def stranger():
    return boa.env.generate_address("stranger")


@pytest.fixture(scope="module", params=[deploy_local, deploy_wrapped], ids=["local", "wrapped"])
def token(request, owner):
    boa.env.timestamp = START
    boa.env.evm.patch.chain_id = CHAIN_ID
    return request.param(owner.address)


@pytest.fixture
def terms(owner, payee):
    """An authorization that is good now."""
    now = boa.env.timestamp
    return Authorization(owner.address, payee, COR, now - 1, now + 3_600, NONCE)


def test_type_hashes_are_those_of_the_eip():

    move = (
        "address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce"
    )
    for kind, fields in (
        (TRANSFER, move),
        (RECEIVE, move),
        (CANCEL, "address authorizer,bytes32 nonce"),
    ):
        assert keccak(text=f"{kind}({fields})").hex() == PUBLISHED[kind]


def test_selectors_are_those_of_the_eip(token):
    found = build_method_identifiers_output(token.compiler_data)
    named = {signature.split("(")[0]: selector for signature, selector in found.items()}
    assert {name: named[name] for name in SELECTORS} == SELECTORS


def test_anybody_sends_a_transfer_that_the_owner_signed(token, owner, payee, stranger, terms):
    token.transferWithAuthorization(
        *terms, *signed(token, TRANSFER, owner, *terms), sender=stranger
    )
    assert_event(token, "AuthorizationUsed", authorizer=owner.address, nonce=NONCE)
    assert_event(token, "Transfer", sender=owner.address, receiver=payee, value=COR)
    assert token.balanceOf(payee) == COR
    assert token.balanceOf(owner.address) == 99 * COR
    assert token.authorizationState(owner.address, NONCE)


def test_the_payee_takes_what_the_owner_signed(token, owner, payee, terms):
    token.receiveWithAuthorization(*terms, *signed(token, RECEIVE, owner, *terms), sender=payee)
    assert_event(token, "AuthorizationUsed", authorizer=owner.address, nonce=NONCE)
    assert_event(token, "Transfer", sender=owner.address, receiver=payee, value=COR)
    assert token.balanceOf(payee) == COR
    assert token.authorizationState(owner.address, NONCE)


def test_inv_w3_nobody_but_the_payee_receives(token, owner, payee, stranger, terms):
    signature = signed(token, RECEIVE, owner, *terms)
    for sender in (stranger, owner.address):
        with boa.reverts("authorization: not the payee"):
            token.receiveWithAuthorization(*terms, *signature, sender=sender)
    # Nor may a front-runner name itself: the payee is signed.
    with boa.reverts("authorization: wrong signer"):
        token.receiveWithAuthorization(*terms._replace(to=stranger), *signature, sender=stranger)
    assert not token.authorizationState(owner.address, NONCE)


def test_inv_w3_an_authorization_is_used_once(token, owner, payee, terms):
    transfer = signed(token, TRANSFER, owner, *terms)
    receive = signed(token, RECEIVE, owner, *terms)
    token.transferWithAuthorization(*terms, *transfer)
    for call, signature in (
        (token.transferWithAuthorization, transfer),
        (token.receiveWithAuthorization, receive),
    ):
        with boa.reverts("authorization: used or cancelled"):
            call(*terms, *signature, sender=payee)
    with boa.reverts("authorization: used or cancelled"):
        token.cancelAuthorization(
            owner.address, NONCE, *signed(token, CANCEL, owner, owner.address, NONCE)
        )
    assert token.balanceOf(payee) == COR


@pytest.mark.parametrize(
    ("after", "before", "reason"),
    [
        (0, 1, "authorization: not yet valid"),
        (1, 2, "authorization: not yet valid"),
        (-1, 0, "authorization: expired"),
        (-2, -1, "authorization: expired"),
        (-1, 1, None),
    ],
)
def test_inv_w3_it_is_valid_strictly_between_its_seconds(
    token, owner, payee, terms, after, before, reason
):
    now = boa.env.timestamp
    terms = terms._replace(valid_after=now + after, valid_before=now + before)
    for kind, call in (
        (TRANSFER, token.transferWithAuthorization),
        (RECEIVE, token.receiveWithAuthorization),
    ):
        with boa.env.anchor():
            signature = signed(token, kind, owner, *terms)
            if reason is None:
                call(*terms, *signature, sender=payee)
                assert token.balanceOf(payee) == COR
            else:
                with boa.reverts(reason):
                    call(*terms, *signature, sender=payee)


@pytest.mark.parametrize("field", Authorization._fields)
def test_every_field_is_signed(token, owner, payee, stranger, terms, field):
    changed = {
        "owner": stranger,
        "to": stranger,
        "amount": COR + 1,
        "valid_after": terms.valid_after - 1,
        "valid_before": terms.valid_before + 1,
        "nonce": word(1),
    }
    signature = signed(token, TRANSFER, owner, *terms)
    with boa.reverts("authorization: wrong signer"):
        token.transferWithAuthorization(*terms._replace(**{field: changed[field]}), *signature)


def test_one_kind_does_not_serve_as_another(token, owner, payee, terms):
    with boa.reverts("authorization: wrong signer"):
        token.receiveWithAuthorization(
            *terms, *signed(token, TRANSFER, owner, *terms), sender=payee
        )
    with boa.reverts("authorization: wrong signer"):
        token.transferWithAuthorization(*terms, *signed(token, RECEIVE, owner, *terms))


@pytest.mark.parametrize(
    "domain",
    [
        {"chainId": 1},
        {"name": "Another"},
        {"version": "2"},
        {"verifyingContract": ZERO_ADDRESS},
    ],
    ids=lambda domain: next(iter(domain)),
)
def test_another_domain_does_not_serve(token, owner, terms, domain):
    signature = vrs(owner, digest(token, TRANSFER, *terms, **domain))
    with boa.reverts("authorization: wrong signer"):
        token.transferWithAuthorization(*terms, *signature)


def test_a_fork_of_the_chain_has_another_domain(token, owner, terms):
    signature = signed(token, TRANSFER, owner, *terms)
    chain, separator = boa.env.evm.patch.chain_id, token.DOMAIN_SEPARATOR()
    boa.env.evm.patch.chain_id = chain + 1
    try:
        assert token.DOMAIN_SEPARATOR() != separator
        with boa.reverts("authorization: wrong signer"):
            token.transferWithAuthorization(*terms, *signature)
    finally:
        boa.env.evm.patch.chain_id = chain


def test_a_mirrored_signature_is_refused(token, owner, terms):
    v, r, s = signed(token, TRANSFER, owner, *terms)
    mirrored = (55 - v, r, word(ORDER - int.from_bytes(s, "big")))
    assert int.from_bytes(s, "big") <= HALF_ORDER
    with boa.reverts("ecdsa: invalid signature `s` value"):
        token.transferWithAuthorization(*terms, *mirrored)


def test_no_signature_is_not_that_of_the_zero_address(token, terms):
    with boa.reverts("ecdsa: invalid signature"):
        token.transferWithAuthorization(
            *terms._replace(owner=ZERO_ADDRESS, amount=0), 27, word(0), word(0)
        )


def test_what_cannot_be_paid_spends_no_nonce(token, owner, payee, terms):
    terms = terms._replace(amount=101 * COR)
    reason = "wcor: balance too low"
    if token.symbol() == "COR":
        reason = "erc20: transfer amount exceeds balance"
    with boa.reverts(reason):
        token.transferWithAuthorization(*terms, *signed(token, TRANSFER, owner, *terms))
    assert not token.authorizationState(owner.address, NONCE)


def test_nonces_are_the_owners_own_and_in_any_order(token, owner, payee, terms):
    other = account("another owner of tokens")
    token.transfer(other.address, COR, sender=owner.address)
    for signer, nonce in ((owner, word(7)), (owner, word(3)), (other, word(7))):
        these = terms._replace(owner=signer.address, nonce=nonce, amount=1)
        token.transferWithAuthorization(*these, *signed(token, TRANSFER, signer, *these))
    assert token.balanceOf(payee) == 3
    assert not token.authorizationState(other.address, word(3))


def test_inv_w3_a_cancelled_authorization_is_never_used(token, owner, payee, stranger, terms):
    signature = signed(token, CANCEL, owner, owner.address, NONCE)
    token.cancelAuthorization(owner.address, NONCE, *signature, sender=stranger)
    assert_event(token, "AuthorizationCanceled", authorizer=owner.address, nonce=NONCE)
    assert token.authorizationState(owner.address, NONCE)
    for kind, call in (
        (TRANSFER, token.transferWithAuthorization),
        (RECEIVE, token.receiveWithAuthorization),
    ):
        with boa.reverts("authorization: used or cancelled"):
            call(*terms, *signed(token, kind, owner, *terms), sender=payee)
    with boa.reverts("authorization: used or cancelled"):
        token.cancelAuthorization(owner.address, NONCE, *signature)
    assert token.balanceOf(payee) == 0


def test_only_the_owner_cancels(token, owner, terms):
    other = account("another owner of tokens")
    with boa.reverts("authorization: wrong signer"):
        token.cancelAuthorization(
            owner.address, NONCE, *signed(token, CANCEL, other, owner.address, NONCE)
        )
    assert not token.authorizationState(owner.address, NONCE)
