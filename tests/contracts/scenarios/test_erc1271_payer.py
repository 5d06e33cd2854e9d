# SPDX-License-Identifier: Apache-2.0
"""A payer that is a contract: it re-enters, changes its owners, or refuses what it is paid."""

from __future__ import annotations

import boa
import pytest
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector, to_checksum_address

from tests.contracts.protocol import COR, ZERO_ADDRESS, deployer_of, travel
from tests.contracts.signing import account, sign

OWNER = account("wallet owner")


@pytest.fixture
def wallet(protocol, cor):
    made = deployer_of("mocks/MockWallet").deploy(OWNER.address)
    cor.transfer(made.address, 10 * COR, sender=protocol.deployer)
    return made


def withdraw_call(session: int) -> bytes:
    selector = function_signature_to_4byte_selector("withdraw(uint256)")
    return selector + encode(["uint256"], [session])


def called(call) -> str:
    """Return whom a call of a trace called."""
    return to_checksum_address(call.msg.to)


def test_no_way_back_in_while_a_wallet_is_asked(protocol, payment, wallet):
    other = protocol.open(amount=COR, expiry=boa.env.timestamp + 1)
    travel(payment.SETTLE_WINDOW_SECONDS() + 2)
    request = protocol.request(amount=COR)
    signature = sign(OWNER, payment.hash_open(wallet.address, request))
    wallet.call_back(payment.address, withdraw_call(other), sender=OWNER.address)
    # The question is a static call under the lock: nothing it tries can change anything.
    payment.open_for(wallet.address, request, signature, sender=protocol.payer)
    trace = payment._computation
    assert payment.session(other).deposit == COR
    # It did try: what the wallet called, while it was asked, was refused.
    (asked,) = [call for call in trace.children if called(call) == wallet.address]
    (tried,) = [call for call in asked.children if called(call) == payment.address]
    assert tried.msg.data == withdraw_call(other)
    assert tried.msg.is_static
    assert tried.is_error


def test_the_control_a_call_back_that_is_not_refused_is_seen(protocol, payment, wallet):
    """The wallet holds its signature back where its call succeeds, as a view does."""
    request = protocol.request(amount=COR)
    signature = sign(OWNER, payment.hash_open(wallet.address, request))
    view = function_signature_to_4byte_selector("owner()")
    wallet.call_back(protocol.table.address, view, sender=OWNER.address)
    with boa.reverts("session: wrong signer"):
        payment.open_for(wallet.address, request, signature, sender=protocol.payer)
    wallet.call_back(ZERO_ADDRESS, b"", sender=OWNER.address)
    payment.open_for(wallet.address, request, signature, sender=protocol.payer)


def test_new_owners_of_a_wallet_change_nothing_that_is_open(protocol, payment, wallet):
    request = protocol.request(amount=COR, session_key=protocol.stranger)
    signature = sign(OWNER, payment.hash_open(wallet.address, request))
    session = payment.open_for(wallet.address, request, signature, sender=protocol.payer)
    next_owner = account("next wallet owner")
    wallet.rotate(next_owner.address, sender=OWNER.address)
    assert payment.session(session).session_key == protocol.stranger
    assert protocol.settle((session, 5)) == 5
    # The old owner can open nothing more in its name.
    again = protocol.request(amount=COR)
    signature = sign(OWNER, payment.hash_open(wallet.address, again))
    with boa.reverts("session: wrong signer"):
        payment.open_for(wallet.address, again, signature, sender=protocol.payer)


def test_a_wallet_closes_and_is_paid(protocol, payment, cor, wallet):
    request = protocol.request(amount=COR)
    signature = sign(OWNER, payment.hash_open(wallet.address, request))
    session = payment.open_for(wallet.address, request, signature, sender=protocol.payer)
    selector = function_signature_to_4byte_selector("request_close(uint256)")
    call = selector + encode(["uint256"], [session])
    wallet.execute(payment.address, call, sender=OWNER.address)
    travel(payment.SETTLE_WINDOW_SECONDS() + 1)
    assert payment.withdraw(session, sender=protocol.stranger) == COR
    assert cor.balanceOf(wallet.address) == 11 * COR
