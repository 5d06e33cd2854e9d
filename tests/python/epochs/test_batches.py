# SPDX-License-Identifier: Apache-2.0
"""Which batches count, and that one that cannot be had is said and not passed over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cortensor.chain.observed import BatchAnchored, Seen, SettlerChanged
from cortensor.epochs.batches import Batch, Reading, batches_of
from cortensor.epochs.paid import Paid
from cortensor.receipts.sign import address_of
from tests.python.epochs.payments import END, PRICES, START, settlement
from tests.python.epochs.publishing import BEAT, DOMAIN, KEY, LIMITS, Answers, body, leaf

ANCHORER = address_of(KEY)
LAST_BLOCK = 90


@pytest.fixture
def answers(answers: Answers) -> Answers:
    answers.page(0, None, [0, 1, 2])
    return answers


def observer(*ended: str) -> Any:
    return SimpleNamespace(anchor=SimpleNamespace(ended=lambda *_: list(ended)))


def published(answers: Answers, **changes: Any) -> Batch:
    root = answers.batch([leaf(number) for number in range(3)])
    fields = {"router_id": 1, "anchorer": ANCHORER, "root": root, "count": 3, "block": 5}
    return Batch(**(fields | {"uri": answers.url} | changes))


def read(
    batch: Batch, *ended: str, mirror: str | None = None, paid: Paid | None = None
) -> tuple[int, list[str]]:
    reading = Reading([batch], observer(*ended), DOMAIN, LIMITS, mirror, LAST_BLOCK, paid)
    return len(list(reading)), [each.reason for each in reading.missing]


def test_only_what_moved_money_counts() -> None:
    anchored = [
        BatchAnchored("0xa", "0x01", 2, "u1", 5),
        BatchAnchored("0xb", "0x02", 2, "u2", 5),  # anchored by somebody, and settled by nobody
        BatchAnchored("0xa", "0x03", 2, "u3", 6),
    ]
    settled = [
        settlement("0x01", "0xa", router_id=1),
        settlement("0x03", "0xa", router_id=2),
        settlement("0x04", "0xa", router_id=1),
    ]
    seen = Seen(anchored=anchored, settlements=settled)
    assert [each.root for each in batches_of(seen, (), (), ())] == ["0x01", "0x03"]
    assert [each.root for each in batches_of(seen, (), (2,), ())] == ["0x03"]
    left = batches_of(seen, (), (), ("0x03",))
    assert [(each.root, each.left_out) for each in left] == [("0x01", False), ("0x03", True)]


def test_what_a_settler_anchors_without_money_counts_while_it_settles() -> None:
    seen = Seen(
        anchored=[BatchAnchored("0xa", f"0x0{block}", 2, "u", block) for block in (3, 5, 8)]
    )
    settlers = [
        SettlerChanged(1, "0xb", 2),
        SettlerChanged(4, "0xa", 4),
        SettlerChanged(4, "0xc", 7),
    ]
    found = batches_of(seen, settlers, (), ())
    assert [(each.root, each.router_id, each.is_unpaid) for each in found] == [("0x05", 4, True)]
    assert batches_of(seen, settlers, (1,), ()) == []
    paid = Seen(anchored=seen.anchored, settlements=[settlement("0x05", "0xa", router_id=4)])
    assert [each.is_unpaid for each in batches_of(paid, settlers, (), ())] == [False]


def test_a_root_that_another_settled_is_not_paid_for_in_ones_own_log() -> None:
    """A settlement is of one log: the same root in others', even in its block, moved nothing."""
    seen = Seen(
        anchored=[BatchAnchored(anchorer, "0x05", 2, "u", 5) for anchorer in ("0xa", "0xb")],
        settlements=[settlement("0x05", "0xa", router_id=4)],
    )
    settlers = [SettlerChanged(4, "0xa", 1), SettlerChanged(6, "0xb", 1)]
    found = batches_of(seen, settlers, (), ())
    assert [(each.router_id, each.is_unpaid) for each in found] == [(4, False), (6, True)]


def test_of_a_batch_that_moved_no_money_only_heartbeats_count(answers: Answers) -> None:
    numbers = [0, BEAT, BEAT + 1]
    answers.page(0, None, numbers)
    root = answers.batch([leaf(number) for number in numbers])
    batch = Batch(1, ANCHORER, root, 3, 5, answers.url)
    assert read(batch) == (3, [])
    paid = Paid([settlement(batch.root, ANCHORER)], PRICES, START, END)
    assert read(batch, paid=paid) == (3, [])
    assert read(batch, paid=Paid([], PRICES, START, END)) == (2, [])


def test_a_batch_is_read_from_its_address(answers: Answers) -> None:
    assert read(published(answers)) == (3, [])


def test_what_was_revoked_does_not_count(answers: Answers) -> None:
    assert read(published(answers), body(1).receipt_id()) == (2, [])


def test_what_is_left_out_by_name_is_not_asked_for(answers: Answers) -> None:
    assert read(published(answers, left_out=True, uri="http://127.0.0.1:9")) == (0, [])


def test_a_mirror_serves_where_the_router_is_gone(answers: Answers) -> None:
    batch = published(answers, uri="http://127.0.0.1:9/batch")
    for path in list(answers.pages):
        answers.pages[path.replace("/batch", f"/mirror/{batch.root}")] = answers.pages[path]
    mirror = answers.url.replace("/batch", "/mirror/")
    assert read(batch, mirror=mirror) == (3, [])
    assert read(batch)[0] == 0


def test_a_batch_that_cannot_be_had_is_missing_with_the_reason(answers: Answers) -> None:
    assert read(published(answers, uri="")) == (0, ["names no address"])
    del answers.pages["/batch/receipts?first=0"]
    (reason,) = read(published(answers))[1]
    assert reason.endswith("/batch/receipts?first=0: status 404")
    (reason,) = read(published(answers, root="0x" + "11" * 32))[1]
    assert "has the root 0x" in reason
