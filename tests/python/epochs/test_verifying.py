# SPDX-License-Identifier: Apache-2.0
"""What a folder left out is not taken from the folder: its verifier agrees by name, or it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from cortensor.chain.rewards import Header
from cortensor.epochs import files
from cortensor.epochs.batches import Batch
from cortensor.epochs.gathering import gather
from cortensor.epochs.tree_file import seal_of
from cortensor.epochs.verifying import Verified, verify_epoch
from cortensor.errors import Unavailable, VerificationFailed
from cortensor.receipts.sign import address_of
from cortensor.rewards.epoch import EpochResult
from tests.python.epochs.chains import Chain, settings
from tests.python.epochs.publishing import KEY, Answers, leaf

EPOCH, BEFORE = 7, 6
NOWHERE = "http://127.0.0.1:9/batch"
PROPOSER = "0x" + "55" * 20


@pytest.fixture
def answers(answers: Answers) -> Answers:
    answers.page(0, None, [0, 1, 2])
    return answers


@pytest.fixture
def batch(answers: Answers) -> Batch:
    root = answers.batch([leaf(number) for number in range(3)])
    return Batch(4, address_of(KEY), root, 3, 75, answers.url)


@pytest.fixture
def hidden() -> Batch:
    return Batch(5, address_of(KEY), "0x" + "77" * 32, 40, 76, NOWHERE)


def written(chain: Any, folder: Path, *left_out: str) -> EpochResult:
    inputs, sources = gather(chain, EPOCH, settings(*left_out), None)
    return files.write_epoch(folder / str(EPOCH), inputs, sources)


def verify(chain: Any, folder: Path, *left_out: str) -> Verified:
    return verify_epoch(folder / str(EPOCH), chain, settings(*left_out))


def header_of(result: EpochResult, inputs_hash: bytes) -> Header:
    tree = result.tree
    return Header(tree.root, tree.sums, len(result.leaves), inputs_hash, PROPOSER)


def test_a_folder_that_leaves_nothing_out_is_verified(tmp_path: Path, batch: Batch) -> None:
    chain = Chain({EPOCH: [batch]})
    result = written(chain, tmp_path)
    fallen = header_of(result, bytes(32))
    chain.posts[EPOCH] = [fallen, header_of(result, result.inputs_hash)]
    found = verify(chain, tmp_path)
    assert (found.state, found.on_chain) == ("posted", True)
    chain.seals[EPOCH] = result.tree.seal
    found = verify(chain, tmp_path)
    assert (found.receipts, found.on_chain, found.left_out) == (3, True, [])


@pytest.mark.parametrize("is_final", [False, True])
def test_a_right_root_posted_with_another_inputs_hash_is_not_verified(
    tmp_path: Path, batch: Batch, *, is_final: bool
) -> None:
    chain = Chain({EPOCH: [batch]})
    result = written(chain, tmp_path)
    chain.posts[EPOCH] = [header_of(result, result.inputs_hash), header_of(result, bytes(32))]
    if is_final:
        chain.seals[EPOCH] = result.tree.seal
    with pytest.raises(VerificationFailed, match=f"inputs_hash: {PROPOSER} posted"):
        verify(chain, tmp_path)


def test_another_root_is_not_verified(tmp_path: Path, batch: Batch) -> None:
    chain = Chain({EPOCH: [batch]})
    result = written(chain, tmp_path)
    other = structs.replace(header_of(result, result.inputs_hash), root=bytes(32))
    chain.posts[EPOCH] = [other]
    with pytest.raises(VerificationFailed, match=f"root: {PROPOSER} posted another root"):
        verify(chain, tmp_path)
    chain.seals[EPOCH] = seal_of(other.root, other.sums, other.count)
    with pytest.raises(VerificationFailed, match="root: the final root is another"):
        verify(chain, tmp_path)


def test_a_rivals_batch_left_out_is_not_verified_whatever_the_folder_says(
    tmp_path: Path, batch: Batch
) -> None:
    chain = Chain({EPOCH: [batch]})
    written(chain, tmp_path, batch.root)
    with pytest.raises(VerificationFailed, match="which can be read from here") as unnamed:
        verify(chain, tmp_path)
    assert f"{batch.root} (3 receipts of router 4)" in str(unnamed.value)
    with pytest.raises(VerificationFailed, match="leaves out what can be read") as named:
        verify(chain, tmp_path, batch.root)
    assert f"{batch.root} (3 receipts of router 4)" in str(named.value)


def test_what_nobody_can_read_may_be_left_out_by_who_says_so(
    tmp_path: Path, batch: Batch, hidden: Batch
) -> None:
    chain = Chain({EPOCH: [batch, hidden]})
    with pytest.raises(Unavailable, match="cannot be read"):
        written(chain, tmp_path)
    written(chain, tmp_path, hidden.root)
    with pytest.raises(VerificationFailed, match=r"which cannot be read.*--leave-out ROOT") as bare:
        verify(chain, tmp_path)
    assert f"{hidden.root} (40 receipts of router 5)" in str(bare.value)
    assert batch.root not in str(bare.value)
    found = verify(chain, tmp_path, hidden.root)
    assert [(each.root, each.count) for each in found.left_out] == [(hidden.root, 40)]
    assert found.receipts == 3


def test_a_folder_that_counts_what_its_verifier_leaves_out_is_named(
    tmp_path: Path, batch: Batch
) -> None:
    chain = Chain({EPOCH: [batch]})
    written(chain, tmp_path)
    with pytest.raises(VerificationFailed, match=f"counts {batch.root}.*without --leave-out"):
        verify(chain, tmp_path, batch.root)


def test_a_folder_that_hides_that_it_left_out_differs(tmp_path: Path, batch: Batch) -> None:
    chain = Chain({EPOCH: [batch]})
    inputs, sources = gather(chain, EPOCH, settings(batch.root), None)  # type: ignore[arg-type]
    none = structs.replace(sources, batches=[])
    files.write_epoch(tmp_path / str(EPOCH), inputs, none)
    with pytest.raises(VerificationFailed, match="is not what chain and receipts give"):
        verify(chain, tmp_path)


def test_what_an_earlier_epoch_left_out_is_named_too(
    tmp_path: Path, batch: Batch, hidden: Batch
) -> None:
    chain = Chain({BEFORE: [hidden], EPOCH: [batch]})
    chain.finals = [BEFORE]
    written(chain, tmp_path, hidden.root)
    with pytest.raises(VerificationFailed, match=hidden.root):
        verify(chain, tmp_path)
    found = verify(chain, tmp_path, hidden.root)
    assert (found.left_out, [each.root for each in found.left_out_before]) == ([], [hidden.root])


def test_what_ones_own_earlier_folder_left_out_is_said(
    tmp_path: Path, batch: Batch, hidden: Batch
) -> None:
    chain: Any = Chain({BEFORE: [hidden], EPOCH: [batch]})
    chain.finals = [BEFORE]
    inputs, sources = gather(chain, BEFORE, settings(hidden.root), None)
    result = files.write_epoch(tmp_path / str(BEFORE), inputs, sources)
    chain.seals[BEFORE] = result.tree.seal
    chain.asked.clear()
    again, found = gather(chain, EPOCH, settings(hidden.root), tmp_path)
    assert chain.asked == [EPOCH]
    assert [each.root for each in found.left_out_before] == [hidden.root]
    files.write_epoch(tmp_path / str(EPOCH), again, found)
    assert verify(chain, tmp_path, hidden.root).left_out_before == found.left_out_before
