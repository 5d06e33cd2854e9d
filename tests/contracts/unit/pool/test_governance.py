# SPDX-License-Identifier: Apache-2.0
"""StakePool's owner: slasher, treasury, the one binding; and ownership in two steps."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_ADDRESS


def test_the_owner_replaces_the_slasher(protocol, pool):
    pool.set_slasher(protocol.stranger, sender=protocol.owner)
    assert_event(
        pool, "SlasherChanged", old_slasher=protocol.slasher, new_slasher=protocol.stranger
    )
    assert pool.slasher() == protocol.stranger


def test_the_owner_replaces_the_treasury(protocol, pool):
    pool.set_treasury(protocol.stranger, sender=protocol.owner)
    assert_event(
        pool, "TreasuryChanged", old_treasury=protocol.treasury, new_treasury=protocol.stranger
    )
    assert pool.treasury() == protocol.stranger


def test_refuses_nobody_as_treasury(protocol, pool):
    with boa.reverts("pool: zero treasury"):
        pool.set_treasury(ZERO_ADDRESS, sender=protocol.owner)


def test_binds(protocol, deployed):
    pool = deployed()
    pool.bind(protocol.payment, protocol.dispute, sender=protocol.owner)
    assert_event(pool, "Bound", payment=protocol.payment.address, dispute=protocol.dispute)
    assert pool.payment() == protocol.payment.address
    assert pool.dispute() == protocol.dispute


def test_binds_once_for_ever(protocol, pool):
    with boa.reverts("pool: already bound"):
        pool.bind(protocol.payment, protocol.dispute, sender=protocol.owner)


def test_binds_only_contracts(protocol, deployed):
    pool = deployed()
    with boa.reverts("pool: payment has no code"):
        pool.bind(protocol.stranger, protocol.dispute, sender=protocol.owner)
    with boa.reverts("pool: dispute has no code"):
        pool.bind(protocol.payment, protocol.stranger, sender=protocol.owner)


@pytest.mark.parametrize("sender", ["slasher", "treasury", "dispute", "settler", "stranger"])
def test_only_the_owner(protocol, pool, deployed, sender):
    account = getattr(protocol, sender)
    unbound = deployed()
    for call in (
        lambda: pool.set_slasher(account, sender=account),
        lambda: pool.set_treasury(account, sender=account),
        lambda: unbound.bind(protocol.payment, protocol.dispute, sender=account),
    ):
        with boa.reverts("ownable: caller is not the owner"):
            call()


def test_ownership_moves_in_two_steps(protocol, pool):
    pool.transfer_ownership(protocol.stranger, sender=protocol.owner)
    assert_event(
        pool,
        "OwnershipTransferStarted",
        previous_owner=protocol.owner,
        new_owner=protocol.stranger,
    )
    assert (pool.owner(), pool.pending_owner()) == (protocol.owner, protocol.stranger)
    pool.accept_ownership(sender=protocol.stranger)
    assert_event(
        pool, "OwnershipTransferred", previous_owner=protocol.owner, new_owner=protocol.stranger
    )
    assert pool.owner() == protocol.stranger


def test_ownership_cannot_be_renounced(pool):
    assert not hasattr(pool, "renounce_ownership")
