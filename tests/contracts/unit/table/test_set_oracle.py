# SPDX-License-Identifier: Apache-2.0
"""SessionPaymentTable.set_oracle."""

from __future__ import annotations

import boa

from tests.contracts.events import assert_event
from tests.contracts.protocol import ZERO_ADDRESS


def test_owner_replaces_the_oracle(protocol, table):
    table.set_oracle(protocol.stranger, sender=protocol.owner)
    assert_event(table, "OracleChanged", old_oracle=protocol.oracle, new_oracle=protocol.stranger)
    assert table.oracle() == protocol.stranger
    assert table.post_surcharge(1, sender=protocol.stranger) == 1
    with boa.reverts("table: caller is not the oracle"):
        table.post_surcharge(2, sender=protocol.oracle)


def test_nobody_else_does(protocol, table):
    for sender in (protocol.oracle, protocol.stranger):
        with boa.reverts("ownable: caller is not the owner"):
            table.set_oracle(sender, sender=sender)


def test_refuses_nobody(protocol, table):
    with boa.reverts("table: zero oracle"):
        table.set_oracle(ZERO_ADDRESS, sender=protocol.owner)
