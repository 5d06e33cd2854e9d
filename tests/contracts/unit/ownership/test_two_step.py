# SPDX-License-Identifier: Apache-2.0
"""Two-step ownership, the same in both owned contracts; renouncing is withheld."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.events import assert_event


@pytest.fixture(params=["table", "payment"])
def owned(request):
    return request.getfixturevalue(request.param)


def test_transfer_takes_both_sides(protocol, owned):
    owned.transfer_ownership(protocol.stranger, sender=protocol.owner)
    assert_event(
        owned,
        "OwnershipTransferStarted",
        previous_owner=protocol.owner,
        new_owner=protocol.stranger,
    )
    assert owned.owner() == protocol.owner
    assert owned.pending_owner() == protocol.stranger
    owned.accept_ownership(sender=protocol.stranger)
    assert_event(
        owned, "OwnershipTransferred", previous_owner=protocol.owner, new_owner=protocol.stranger
    )
    assert owned.owner() == protocol.stranger


def test_only_the_owner_transfers(protocol, owned):
    with boa.reverts("ownable: caller is not the owner"):
        owned.transfer_ownership(protocol.stranger, sender=protocol.stranger)


def test_only_the_new_owner_accepts(protocol, owned):
    owned.transfer_ownership(protocol.stranger, sender=protocol.owner)
    for sender in (protocol.owner, protocol.payer):
        with boa.reverts("ownable_2step: caller is not the new owner"):
            owned.accept_ownership(sender=sender)


def test_ownership_cannot_be_renounced(owned):
    assert not hasattr(owned, "renounce_ownership")
