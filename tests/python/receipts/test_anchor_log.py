# SPDX-License-Identifier: Apache-2.0
"""Heads of an anchorer's log, and the example of docs/spec/receipt-anchor.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cortensor.errors import InvalidInput
from cortensor.receipts.anchor_log import (
    LoggedBatch,
    extends,
    genesis_head,
    head_after,
    head_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[3] / "docs" / "spec" / "receipt-anchor.md"
START = genesis_head(421_614, "0x" + "a5" * 20, "0x" + "11" * 20)
BATCH = LoggedBatch(root=b"\x01" * 32, count=3, anchored_at=1_900_000_000, uri="ipfs://one")


def test_the_example_of_the_page_holds() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(example, {})


def test_a_head_counts_its_batches() -> None:
    head = head_after(START, [BATCH] * 3)
    assert (head_number(START), head_number(head)) == (0, 3)


def test_a_genesis_is_of_one_log() -> None:
    others = [
        genesis_head(1, "0x" + "a5" * 20, "0x" + "11" * 20),
        genesis_head(421_614, "0x" + "a6" * 20, "0x" + "11" * 20),
        genesis_head(421_614, "0x" + "a5" * 20, "0x" + "12" * 20),
    ]
    assert len({START, *others}) == 4
    assert genesis_head(421_614, "0x" + "A5" * 20, "0x" + "11" * 20) == START


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: genesis_head(1, "0x12", "0x" + "11" * 20), "receipt_anchor"),
        (lambda: genesis_head(1, "0x" + "11" * 20, "11" * 20), "anchorer"),
        (lambda: head_after(b"short", []), "old_head"),
        (lambda: head_after(START, [LoggedBatch(b"short", 1, 1)]), "batches.root"),
        (lambda: head_after(START, [LoggedBatch(bytes(32), -1, 1)]), "batches.count"),
        (lambda: head_after(START, [LoggedBatch(bytes(32), 1, 2**256)]), "batches.anchored_at"),
        (lambda: head_after(b"\xff" * 32, [BATCH]), "batches"),
        (lambda: extends(bytes(32), [], START), "old_head"),
        (lambda: extends(START, [], bytes(32)), "new_head"),
    ],
)
def test_refuses_what_is_no_log(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        call()
    assert refused.value.field == field
