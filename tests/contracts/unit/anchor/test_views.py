# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.head and batch of logs that nobody used."""

from __future__ import annotations

from tests.contracts.protocol import ZERO_WORD, word


def test_an_unused_log_is_empty(protocol, anchor):
    assert anchor.head(protocol.stranger) == ZERO_WORD
    assert anchor.batch(protocol.stranger, word(1)) == (0, 0, 0)
    assert not anchor.is_anchored(protocol.stranger, ZERO_WORD, [], ZERO_WORD)
    assert anchor.status(protocol.stranger, word(1)) == (0, 0, ZERO_WORD)
