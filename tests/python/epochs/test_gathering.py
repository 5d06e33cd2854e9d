# SPDX-License-Identifier: Apache-2.0
"""Of earlier epochs only those are read in which pairs are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from cortensor.epochs import gathering
from cortensor.epochs.batches import Batch
from cortensor.epochs.gathering import gather
from cortensor.receipts.sign import address_of
from cortensor.rewards import collusion
from cortensor.rewards.collusion import contested, window
from tests.python.epochs.chains import Chain, settings
from tests.python.epochs.publishing import KEY, Answers, leaf

EPOCH = 7


@pytest.fixture
def chain() -> Iterator[Any]:
    answers = Answers()
    answers.page(0, None, [0, 1])
    root = answers.batch([leaf(number) for number in range(2)])
    batch = Batch(4, address_of(KEY), root, 2, 75, answers.url)
    made = Chain({epoch: [batch] for epoch in (4, 5, 6, EPOCH)})
    made.finals = [4, 5, 6]
    yield made
    answers.server.shutdown()
    answers.server.server_close()


def test_no_more_epochs_are_read_than_pairs_are_looked_for_in(
    chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def thrice(rows: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([contested(rows)] * 3)

    monkeypatch.setattr(gathering, "contested", thrice)
    whole, _ = gather(chain, EPOCH, settings(), None)
    assert chain.asked == [EPOCH, 6, 5, 4]
    frames = [*whole.history, thrice(whole.records)]
    rows = len(frames[0])
    assert [len(each) for each in frames] == [rows] * 4
    assert rows > 2
    for fit, asked in ((4, 4), (3, 3), (2, 2), (1, 1), (0, 1), (2.5, 3)):
        chain.asked.clear()
        for module in (gathering, collusion):
            monkeypatch.setattr(module, "WINDOW_ROWS", int(fit * rows))
        inputs, _ = gather(chain, EPOCH, settings(), None)
        assert len(chain.asked) == asked
        assert len(inputs.history) == max(int(fit), 1) - 1
        kept = [*inputs.history, thrice(inputs.records)]
        assert [each.to_dicts() for each in kept] == [each.to_dicts() for each in window(frames)]


def test_no_more_epochs_are_read_than_the_window_is_long(
    chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "WINDOW_EPOCHS", 3)
    gather(chain, EPOCH, settings(), None)
    assert chain.asked == [EPOCH, 6, 5]
