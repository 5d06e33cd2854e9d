# SPDX-License-Identifier: Apache-2.0
"""INV-T5: what is published stays."""

from __future__ import annotations

import msgspec

from cortensor.pricing import RateCard, Terms, Usage
from tests.contracts.protocol import DELAY_SECONDS, REFERENCE_CARD, travel


def test_inv_t5_a_published_version_never_changes(protocol, table):
    words = Terms(replicas=3).pack(), Usage(input_units=10_000, output_units=5_000).pack()
    first = table.quote(1, 0, *words)
    effective_at = table.effective_at(1)
    task_wei = REFERENCE_CARD.task_wei
    for version in range(2, 6):
        task_wei -= task_wei // 4
        card = msgspec.structs.replace(REFERENCE_CARD, task_wei=task_wei)
        assert table.publish(card.abi_tuple(), sender=protocol.owner) == version
        travel(DELAY_SECONDS)
        assert RateCard.from_abi(table.card(1)) == REFERENCE_CARD
        assert table.quote(1, 0, *words) == first
        assert table.effective_at(1) == effective_at
        assert table.quote(version, 0, *words)[0] < first[0]


def test_inv_t5_a_posted_epoch_never_changes(protocol, table):
    table.post_surcharge(500, sender=protocol.oracle)
    posted_at = table.surcharge_posted_at(1)
    for bps in (900, 400, 0):
        travel(600)
        table.post_surcharge(bps, sender=protocol.oracle)
        assert table.surcharge_bps(1) == 500
        assert table.surcharge_posted_at(1) == posted_at
        assert table.surcharge_bps(0) == 0
