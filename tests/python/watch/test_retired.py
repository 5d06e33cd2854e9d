# SPDX-License-Identifier: Apache-2.0
"""A settler that was replaced: what it anchored until then counts, and nothing after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.python.watch.making import (
    OLD_SETTLER,
    SESSION,
    SETTLER,
    chain,
    published,
    receipt,
    rooted,
)
from tests.python.watch.test_answering import LATE, look, settled, write_ledger
from tests.python.watch.watched_chain import NOBODY, PAYMENT, ROUTERS, WatchedChain
from tests.python.watch.watching import Shelf, Watch

REPLACED_AT = 1_900_000_000


@pytest.fixture
def node() -> Iterator[WatchedChain]:
    fake = WatchedChain()
    fake.replaced[OLD_SETTLER] = REPLACED_AT
    for block, names in enumerate(((NOBODY, OLD_SETTLER), (OLD_SETTLER, SETTLER)), start=1):
        old, new = names
        about = {"router_id": ROUTERS, "old_settler": old, "new_settler": new}
        fake.emit(PAYMENT, "SessionPayment", "RouterSet", block, **about)
    yield fake
    fake.close()


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    fake = Shelf()
    yield fake
    fake.close()


@pytest.fixture
def watch(node: WatchedChain, shelf: Shelf, tmp_path: Path) -> Watch:
    return Watch(node, shelf, tmp_path)


def anchor_over_charge(watch: Watch, anchored_at: int) -> None:
    """Have the old settler anchor and publish a leaf that charges too much."""
    dear = receipt(9)
    made = rooted(chain([msgspec.structs.replace(dear, charge=dear.charge + 5)]), OLD_SETTLER)
    watch.shelf.shown[f"/{made[0].root}"] = published(made)
    watch.node.anchored[bytes.fromhex(made[0].root[2:])] = anchored_at
    uri = f"{watch.shelf.url}{made[0].root}"
    watch.node.anchor(made[0].root, 1, uri, 6, anchorer=OLD_SETTLER)
    watch.node.head = 20


def test_what_it_anchored_in_its_time_is_challenged(watch: Watch) -> None:
    anchor_over_charge(watch, REPLACED_AT)
    assert watch.found(watch.look()) == [("charge", 1)]
    (call,) = watch.node.sent_to("challenge_charge")
    assert watch.node.arguments(call)[0][3].lower() == OLD_SETTLER


def test_what_it_anchors_afterwards_is_nobodys_fault(watch: Watch) -> None:
    """Neither over-charged, nor another leaf beside an honest one of the index."""
    anchor_over_charge(watch, REPLACED_AT + 1)
    watch.batch(chain([receipt(i) for i in range(2)]), 7)
    watch.node.head = 20
    report = watch.look()
    assert report.is_clean
    assert (report.leaves, report.actions) == (2, [])


def test_what_it_hides_afterwards_is_not_missed(watch: Watch) -> None:
    anchor_over_charge(watch, REPLACED_AT + 1)
    watch.shelf.shown.clear()
    assert watch.look().is_clean


def test_a_demand_is_answered_from_the_log_that_counts(node: WatchedChain, tmp_path: Path) -> None:
    """A batch's root is public, and in all logs: old keys may have put it there too late."""
    lowest = "0x" + "00" * 19 + "01"
    names = {"router_id": ROUTERS, "old_settler": NOBODY, "new_settler": lowest}
    node.emit(PAYMENT, "SessionPayment", "RouterSet", 1, **names)
    node.replaced = {OLD_SETTLER: 0, lowest: 0}
    made = rooted(chain([receipt(i) for i in range(2)]))
    write_ledger(tmp_path / "router.db", made)
    settled(node, made)
    node.demand(SESSION, 0, NOBODY, 5, LATE)
    assert [(a.action, a.result) for a in look(node, tmp_path).actions] == [("answer", "mined")]
    (call,) = node.sent_to("answer")
    assert node.client.read_answer(bytes(call["data"]))[0].anchorer.lower() == SETTLER
