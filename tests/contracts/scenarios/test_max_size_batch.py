# SPDX-License-Identifier: Apache-2.0
"""The largest batch: it fits a block, and one more item is refused before any money moves."""

from __future__ import annotations

import pytest

from tests.contracts.events import events
from tests.contracts.protocol import COR, item

#: A tenth of the gas of an Arbitrum block, and of what Ethereum's allow a transaction at least.
MOST_GAS = 3_400_000


def test_512_items_are_settled_in_one_transaction_and_once(protocol, payment):
    sessions = [protocol.open(amount=COR) for _ in range(512)]
    totals = [(session, i + 1) for i, session in enumerate(sessions)]
    batch = protocol.batch(*totals, count=5_120)
    assert payment.settle(batch, sender=protocol.settler) == 512 * 513 // 2
    assert payment._computation.net_gas_used < MOST_GAS
    [settled] = events(payment, "BatchSettled")
    assert settled["items"] == [item(*total) for total in totals]
    assert payment.session(sessions[511]).settled == 512
    assert payment.settle(batch, sender=protocol.settler) == 0


def test_one_item_more_is_refused_whole(protocol, payment):
    batch = protocol.batch(*[(protocol.open(), 0)] * 513)
    with pytest.raises(Exception, match="512"):
        payment.settle(batch, sender=protocol.settler)
