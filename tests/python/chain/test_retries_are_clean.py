# SPDX-License-Identifier: Apache-2.0
"""A watcher finds nothing in batches that anchor leaves once more, one leaf even twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.watch.making import chain, receipt
from tests.python.watch.watched_chain import WatchedChain
from tests.python.watch.watching import Shelf, Watch


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    node, shelf = WatchedChain(), Shelf()
    yield Watch(node, shelf, tmp_path)
    shelf.close()
    node.close()


def test_a_leaf_that_is_anchored_again_is_no_finding(watch: Watch) -> None:
    first, second = chain([receipt(0), receipt(1)])
    watch.batch([first, second], 4)
    watch.batch([second], 5)
    watch.batch([second, second], 6)
    watch.batch([second, second, second], 7)
    report = watch.look()
    assert watch.found(report) == []
    assert report.is_clean


def test_a_repeated_leaf_stands_for_no_other(watch: Watch) -> None:
    _, second = chain([receipt(0), receipt(1)])
    watch.batch([second, second], 5)
    assert watch.found(watch.look()) == [("missing", 1)]
