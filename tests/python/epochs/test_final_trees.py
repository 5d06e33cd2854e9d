# SPDX-License-Identifier: Apache-2.0
"""A final tree that nobody publishes any more is computed again, from chain and receipts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cortensor.epochs import files
from cortensor.epochs.batches import Batch
from cortensor.epochs.gathering import final_tree, gather
from cortensor.epochs.tree_file import PostedTree, read_sealed
from cortensor.errors import Unavailable
from cortensor.receipts.keccak import from_hex
from cortensor.receipts.sign import address_of
from tests.python.epochs.chains import Chain, settings
from tests.python.epochs.publishing import KEY, Answers, leaf

EPOCHS = (4, 5, 6)
LAST, NEXT = EPOCHS[-1], EPOCHS[-1] + 1


class Lost(Chain):
    """Final epochs of which only who has the file has the tree."""

    def final_tree(self, *asked: Any) -> PostedTree:
        epoch, own, _ = asked
        if own is not None:
            return read_sealed(own, self.seals[epoch])
        raise Unavailable(f"the tree of epoch {epoch} cannot be had", code="tree_unavailable")


@pytest.fixture
def chain(answers: Answers, tmp_path: Path) -> Any:
    """Three final epochs, computed one after another in `tmp_path`/first, each with new levels."""
    answers.page(0, None, [0, 1])
    root = answers.batch([leaf(number) for number in range(2)])
    batch = Batch(4, address_of(KEY), root, 2, 75, answers.url)
    made: Any = Lost({epoch: [batch] for epoch in (*EPOCHS, NEXT)})
    for epoch in EPOCHS:
        folder = tmp_path / "first" / str(epoch)
        folder.parent.mkdir(exist_ok=True)
        files.write_epoch(folder, *gather(made, epoch, settings(), tmp_path / "first"))
        made.seals[epoch] = from_hex(files.read_manifest(folder)["seal"], 32, "seal")
        made.finals.append(epoch)
    assert len(set(made.seals.values())) == len(EPOCHS)
    made.asked.clear()
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_lost_trees_are_computed_once_each_and_kept(chain: Any, tmp_path: Path) -> None:
    own = tmp_path / "second"
    own.mkdir()
    assert final_tree(chain, LAST, settings(), own).seal == chain.seals[LAST]
    assert chain.asked == list(EPOCHS)  # the earliest first, and none twice for the window
    assert contents(own) == contents(tmp_path / "first")
    assert final_tree(chain, LAST, settings(), own).seal == chain.seals[LAST]
    assert chain.asked == list(EPOCHS)


def test_two_who_need_it_at_once_compute_it_once(chain: Any, tmp_path: Path) -> None:
    # A service pays one epoch while it checks the next one's root.
    own = tmp_path / "second"
    own.mkdir()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(final_tree, chain, LAST, settings(), own) for _ in range(4)]
        assert {each.result().seal for each in asked} == {chain.seals[LAST]}
    assert chain.asked == list(EPOCHS)
    assert contents(own) == contents(tmp_path / "first")


def test_only_what_is_lost_is_computed(chain: Any, tmp_path: Path) -> None:
    own = tmp_path / "first"
    (own / "6" / "tree.bin").unlink()
    assert final_tree(chain, LAST, settings(), own).seal == chain.seals[LAST]
    assert chain.asked == [LAST]


def test_nothing_is_kept_where_there_is_no_folder(chain: Any, tmp_path: Path) -> None:
    with_folder, _ = gather(chain, NEXT, settings(), tmp_path / "first")
    without, _ = gather(chain, NEXT, settings(), None)
    assert without.prior == with_folder.prior != {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first"]


def test_what_receipts_do_not_give_is_not_believed_nor_computed_twice(
    chain: Any, tmp_path: Path
) -> None:
    own = tmp_path / "second"
    own.mkdir()
    chain.seals[LAST] = bytes([1]) * 32
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"of epoch 6 .*not what the receipts give") as error:
            final_tree(chain, LAST, settings(), own)
        assert error.value.code == "tree_unavailable"
        assert chain.asked == list(EPOCHS)
        assert sorted(path.name for path in own.iterdir()) == ["4", "5"]


def test_nobody_proposes_after_a_tree_that_is_in_no_order(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = final_tree(chain, LAST, settings(), tmp_path / "first")
    (only,) = right.leaves
    for leaves in ([only, only], [only._replace(node=only.node + 1), only]):
        wrong = PostedTree(leaves, right.rows)
        monkeypatch.setattr(chain, "final_tree", lambda *_, tree=wrong: tree)
        with pytest.raises(Unavailable, match="leaves that do not rise") as error:
            gather(chain, NEXT, settings(), tmp_path / "first")
        assert error.value.code == "prior_in_disorder"
        # It is paid all the same, for nobody proved it wrong.
        assert final_tree(chain, LAST, settings(), tmp_path / "first") == wrong
    monkeypatch.setattr(chain, "prior_epoch", lambda _: 0)
    inputs, sources = gather(chain, NEXT, settings(), tmp_path / "first")
    assert (inputs.prior, sources.prior_epoch) == ({}, 0)


def test_it_takes_the_receipts(chain: Any, answers: Answers, tmp_path: Path) -> None:
    answers.server.shutdown()
    answers.server.server_close()
    chain.batches[5] = [Batch(4, address_of(KEY), "0x" + "ab" * 32, 2, 75, answers.url)]
    reason = "tree of epoch 4 cannot be had, nor can it be computed again: 1 settled batch"
    with pytest.raises(Unavailable, match=reason) as error:
        final_tree(chain, LAST, settings(), tmp_path)
    assert error.value.code == "tree_unavailable"


def test_a_silent_node_is_not_a_lost_tree(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> PostedTree:
        raise Unavailable("no answer", code="rpc_unavailable")

    monkeypatch.setattr(chain, "final_tree", silent)
    with pytest.raises(Unavailable, match="no answer"):
        final_tree(chain, LAST, settings(), tmp_path)
    assert chain.asked == []
