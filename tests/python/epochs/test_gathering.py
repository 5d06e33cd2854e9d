# SPDX-License-Identifier: Apache-2.0
"""Of earlier epochs only those are read in which pairs are looked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cortensor.epochs import files, gathering
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


def kept(chain: Any, folder: Path, epoch: int, *left_out: str) -> bytes:
    """Write one's own folder of an epoch; returns its seal."""
    inputs, sources = gather(chain, epoch, settings(*left_out), None)
    result = files.write_epoch(folder / str(epoch), inputs, sources)
    return result.tree.seal


def asked_with(chain: Any, folder: Path, *left_out: str) -> list[int]:
    """Return which epochs' receipts are read beside one's own folders; equal to reading all."""
    whole, wholly = gather(chain, EPOCH, settings(*left_out), None)
    chain.asked.clear()
    inputs, sources = gather(chain, EPOCH, settings(*left_out), folder)
    assert [each.to_dicts() for each in inputs.history] == [
        each.to_dicts() for each in whole.history
    ]
    assert sources == wholly
    return list(chain.asked)


def test_ones_own_folder_of_the_final_root_spares_reading(chain: Any, tmp_path: Path) -> None:
    for epoch in chain.finals:
        chain.seals[epoch] = kept(chain, tmp_path, epoch)
    assert asked_with(chain, tmp_path) == [EPOCH]


def test_ones_own_folder_that_is_not_whole_is_not_there(chain: Any, tmp_path: Path) -> None:
    for epoch in chain.finals:
        chain.seals[epoch] = kept(chain, tmp_path, epoch)
    (tmp_path / "5" / "inputs" / "card.json").unlink()
    assert asked_with(chain, tmp_path) == [EPOCH, 5]


def test_ones_own_folder_of_another_root_is_not_there(chain: Any, tmp_path: Path) -> None:
    chain.finals = [6]
    final = kept(chain, tmp_path, 6)
    # Without a batch it has other facts, and with them another seal.
    root = chain.batches[6][0].root
    assert kept(chain, tmp_path, 6, root) != final
    chain.seals[6] = final
    assert asked_with(chain, tmp_path) == [EPOCH, 6]
    assert asked_with(chain, tmp_path, root) == [EPOCH, 6]


def test_a_final_folder_that_counts_other_batches_than_wanted_is_not_there(
    chain: Any, tmp_path: Path
) -> None:
    chain.finals = [6]
    root = chain.batches[6][0].root
    chain.seals[6] = kept(chain, tmp_path, 6, root)
    assert asked_with(chain, tmp_path) == [EPOCH, 6]
    assert asked_with(chain, tmp_path, root) == [EPOCH]
    chain.seals[6] = kept(chain, tmp_path, 6)
    assert asked_with(chain, tmp_path, root) == [EPOCH, 6]
