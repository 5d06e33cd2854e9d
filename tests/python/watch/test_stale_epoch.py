# SPDX-License-Identifier: Apache-2.0
"""Charges at a surcharge that was over before the work can have begun are noted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.watch.making import EPOCHS, chain, receipt
from tests.python.watch.watched_chain import WatchedChain
from tests.python.watch.watching import Shelf, Watch

REPLACED_AT = EPOCHS[2].posted_at


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    node, shelf = WatchedChain(), Shelf()
    yield Watch(node, shelf, tmp_path)
    shelf.close()
    node.close()


@pytest.mark.parametrize(
    ("epoch", "late_s", "is_found"), [(1, 600, False), (1, 601, True), (2, 10**6, False)]
)
def test_an_epoch_that_was_replaced_long_before(
    watch: Watch, epoch: int, late_s: int, is_found: bool
) -> None:
    stale = receipt(1, surcharge_epoch=epoch, issued_at=REPLACED_AT + late_s)
    watch.batch(chain([stale]), 5)
    report = watch.look(max_task_s=600)
    assert watch.found(report) == [("stale_epoch", 1)] * is_found
    # Nothing can be proven, so nothing is sent; and it is told once.
    assert report.actions == []
    assert [finding.state for finding in report.findings] == ["noted"] * is_found
    assert watch.look(max_task_s=600).is_clean
