# SPDX-License-Identifier: Apache-2.0
"""ReceiptAnchor.head_after and extends: whoever kept a head sees what happened to the log since."""

from __future__ import annotations

import boa
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.receipts.anchor_log import (
    LoggedBatch,
    extends,
    genesis_head,
    head_after,
    head_number,
)
from tests.contracts.profile import examples
from tests.contracts.protocol import CHAIN_ID, ZERO_WORD, travel, word

URIS = ("", "https://router.example/api/v4/batch/1", "x" * 128)


def append(anchor, sender, number: int) -> LoggedBatch:
    """Append a batch, every second one only told; return what a reader has of it."""
    travel(number)
    batch = LoggedBatch(word(1_000 + number), number, boa.env.timestamp, URIS[number % 3])
    write = anchor.anchor_event if number % 2 else anchor.anchor
    write(batch.root, batch.count, batch.uri, sender=sender)
    return batch


@pytest.fixture
def log(protocol, anchor):
    """Return the heads of a log of five batches, its genesis first, and the batches."""
    heads = [genesis_head(CHAIN_ID, anchor.address, protocol.stranger)]
    batches = []
    for number in range(1, 6):
        batches.append(append(anchor, protocol.stranger, number))
        heads.append(anchor.head(protocol.stranger))
    return heads, batches


def tuples(batches) -> list[tuple]:
    """Return batches as the contract takes them."""
    return [batch.abi_tuple() for batch in batches]


def test_inv_a6_every_head_leads_to_every_later_one(protocol, anchor, log):
    heads, batches = log
    for first in range(6):
        for last in range(first, 6):
            between = batches[first:last]
            found = anchor.head_after(protocol.stranger, heads[first], tuples(between))
            assert found == head_after(heads[first], between) == heads[last]
            assert extends(heads[first], between, heads[last])
        assert anchor.extends(protocol.stranger, heads[first], tuples(batches[first:]))
    assert [head_number(head) for head in heads] == list(range(6))


def test_a_zero_head_is_the_empty_log(protocol, anchor, log):
    _, batches = log
    assert anchor.extends(protocol.stranger, ZERO_WORD, tuples(batches))
    assert anchor.extends(protocol.payer, ZERO_WORD, [])
    assert anchor.extends(
        protocol.payer, genesis_head(CHAIN_ID, anchor.address, protocol.payer), []
    )
    # Off chain a head has to say whose log it is.
    for old, new in ((ZERO_WORD, word(1)), (word(1), ZERO_WORD)):
        with pytest.raises(InvalidInput, match="genesis_head"):
            extends(old, [], new)


def test_inv_a6_nothing_else_leads_there(protocol, anchor, log):
    heads, batches = log
    first, second, third = batches[1:4]
    change = msgspec.structs.replace
    lies = [
        [],
        [first, second],
        [first, third],
        [second, first, third],
        [first, first, second, third],
        [first, second, third, third],
        [change(first, root=word(7)), second, third],
        [change(first, count=first.count + 1), second, third],
        [first, change(second, anchored_at=second.anchored_at + 1), third],
        [first, second, change(third, uri=third.uri + "?")],
    ]
    for lie in lies:
        assert not extends(heads[1], lie, heads[4])
        assert anchor.head_after(protocol.stranger, heads[1], tuples(lie)) != heads[4]
        assert not anchor.extends(protocol.stranger, heads[1], tuples([*lie, batches[4]]))


def test_a_log_extends_no_others(protocol, anchor, log):
    heads, batches = log
    for number in range(1, 6):
        append(anchor, protocol.payer, number)
    assert not anchor.extends(protocol.payer, heads[0], tuples(batches))
    assert not anchor.extends(protocol.payer, heads[5], [])


def test_an_older_log_extends_no_newer_head(protocol, anchor, log):
    heads, _ = log
    assert not anchor.extends(protocol.stranger, heads[4], [])
    assert not extends(heads[5], [], heads[4])


def test_a_day_of_a_batch_a_minute_fits_in_two_calls(protocol, anchor):
    batches = [LoggedBatch(word(i + 1), 1, boa.env.timestamp) for i in range(1_440)]
    half = anchor.head_after(protocol.stranger, ZERO_WORD, tuples(batches[:1_024]))
    start = genesis_head(CHAIN_ID, anchor.address, protocol.stranger)
    found = anchor.head_after(protocol.stranger, half, tuples(batches[1_024:]))
    assert found == head_after(start, batches)


BATCHES = st.lists(
    st.builds(
        LoggedBatch,
        st.binary(min_size=32, max_size=32),
        st.integers(0, 2**256 - 1),
        st.integers(0, 2**256 - 1),
        st.text(max_size=40),
    ),
    max_size=6,
)


@pytest.mark.fuzz
def test_contract_and_package_agree(protocol, anchor):
    whose = protocol.stranger

    @settings(max_examples=examples(25))
    @given(st.binary(min_size=26, max_size=26), st.integers(0, 2**48 - 7), BATCHES)
    def agree(tail, number, batches):
        head = number.to_bytes(6, "big") + tail
        # A zero head is the genesis of the log that is asked for; the package is told which.
        start = genesis_head(CHAIN_ID, anchor.address, whose) if head == ZERO_WORD else head
        assert anchor.head_after(whose, head, tuples(batches)) == head_after(start, batches)

    agree()
