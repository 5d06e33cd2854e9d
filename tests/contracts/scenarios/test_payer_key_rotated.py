# SPDX-License-Identifier: Apache-2.0
"""A payer changes its keys after the service, so that the router can show no request any more."""

from __future__ import annotations

import pytest

from tests.contracts.disputes import DEPOSIT, GRACE_SECONDS, KEY, Disputed, answer, receipt_of
from tests.contracts.protocol import COR, ZERO_ADDRESS, deployer_of, travel
from tests.contracts.signing import account, sign

OWNER = account("wallet owner")


@pytest.fixture(scope="module")
def own():
    return Disputed()


def test_a_wallet_that_rotates_its_owner_changes_nothing_about_its_session_key(own):
    wallet = deployer_of("mocks/MockWallet").deploy(OWNER.address)
    request = own.request(session_key=KEY.address)
    signature = sign(OWNER, own.payment.hash_open(wallet.address, request))
    session = own.payment.open_for(wallet.address, request, signature, sender=own.payer)
    leaf = own.worked(session, 1)[0]
    bond = own.bonded()
    wallet.rotate(ZERO_ADDRESS, sender=OWNER.address)
    own.dispute.demand(session, 1, sender=own.challenger)
    answer(own, leaf, key=KEY, most=receipt_of(leaf).charge)
    travel(GRACE_SECONDS + 1)
    before = own.cor.balanceOf(own.settler)
    own.close(session, 1, sender=own.settler)
    assert own.cor.balanceOf(own.settler) == before + DEPOSIT
    assert (own.bonded(), own.dispute.refunded(session)) == (bond, 0)


def test_there_is_no_way_to_replace_a_session_key(own):
    session = own.open(session_key=KEY.address)
    functions = {name for name in dir(own.payment) if "key" in name and not name.startswith("_")}
    assert functions == set()
    own.payment.top_up(session, COR, sender=own.payer)
    own.payment.request_close(session, sender=own.payer)
    assert own.payment.session(session).session_key == KEY.address
