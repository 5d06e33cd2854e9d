# SPDX-License-Identifier: Apache-2.0
"""A posted root is proven wrong without receipts; only what is not provable takes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cortensor.chain.rewards import Header, Posted
from cortensor.epochs import observing
from cortensor.epochs.challenges import Rules
from cortensor.epochs.judging import compare, prove, rules_of
from cortensor.epochs.observing import Budget
from cortensor.epochs.sharing import shared
from cortensor.epochs.tree_file import PostedTree, address, encode, rows_of
from cortensor.epochs.tree_room import most_leaves
from cortensor.errors import Unavailable
from cortensor.rewards.epoch import compute_epoch
from cortensor.rewards.sum_tree import Leaf
from scripts._rewards import cheating
from tests.python.epochs.chains import SECONDS, Chain, settings
from tests.python.epochs.samples import EPOCH, inputs

INPUTS = inputs(prior={})
RESULT = compute_epoch(INPUTS)
PAIRS = [(entry.operator, entry.node) for entry in INPUTS.roster.nodes]
RULES = Rules(INPUTS.card, INPUTS.budget, PAIRS, None)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and where what is put into it is published."""
    with shared(tmp_path, "127.0.0.1", 0) as url:
        yield tmp_path, url


def posted(
    place: tuple[Path, str],
    leaves: list[Leaf],
    rows: Any = None,
    inputs_hash: bytes = RESULT.inputs_hash,
) -> Posted:
    """A root whose tree is published."""
    folder, url = place
    (folder / "1").mkdir(exist_ok=True)
    (folder / "1" / "tree.bin").write_bytes(encode(leaves, rows))
    top = PostedTree(leaves, rows or rows_of(leaves)).top
    header = Header(top.hashed, top.sums, len(leaves), inputs_hash, "0x" + "11" * 20)
    return Posted(EPOCH, header, 0, f"{url}/1", 1, "0x01")


@pytest.mark.parametrize("wrong", cheating.wrong_trees(INPUTS, RESULT), ids=lambda each: each.proof)
def test_each_wrong_tree_is_proven_without_a_receipt(
    place: tuple[Path, str], wrong: cheating.Wrong
) -> None:
    proofs = prove(posted(place, wrong.leaves, wrong.rows), RULES, settings())
    assert wrong.proof in [each.name for each in proofs.challenges]


def test_a_right_root_is_right_and_invented_work_is_for_the_guardian(
    place: tuple[Path, str],
) -> None:
    right = posted(place, list(RESULT.leaves))
    proofs = prove(right, RULES, settings())
    assert not proofs.challenges
    assert compare(right, proofs, INPUTS, RESULT).outcome == "right"

    invented = posted(place, cheating.invented(INPUTS, RESULT).leaves)
    proofs = prove(invented, RULES, settings())
    assert not proofs.challenges
    verdict = compare(invented, proofs, INPUTS, RESULT)
    assert verdict.outcome == "veto"
    assert verdict.reason.startswith("the receipts give other facts of")


def test_a_right_root_with_another_inputs_hash_is_neither(place: tuple[Path, str]) -> None:
    odd = posted(place, list(RESULT.leaves), inputs_hash=bytes(32))
    verdict = compare(odd, prove(odd, RULES, settings()), INPUTS, RESULT)
    assert verdict.outcome == "inputs"


def test_a_right_root_of_which_the_tree_is_not_published_is_right(place: tuple[Path, str]) -> None:
    right = posted(place, list(RESULT.leaves))
    (place[0] / "1" / "tree.bin").unlink()
    proofs = prove(right, RULES, settings())
    assert (proofs.challenges, proofs.tree) == ([], None)
    assert compare(right, proofs, INPUTS, RESULT).outcome == "right"
    other = RESULT._replace(leaves=RESULT.leaves[1:])
    verdict = compare(right, proofs, INPUTS, other)
    assert verdict.outcome == "veto"
    assert verdict.reason.startswith("its tree cannot be had")


def test_a_tree_that_this_machine_has_no_room_for_is_not_read(
    place: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = cheating.wrong_trees(INPUTS, RESULT)[3]
    root = posted(place, wrong.leaves, wrong.rows)
    monkeypatch.setattr(observing, "most_leaves", lambda: len(wrong.leaves) - 1)
    monkeypatch.setattr(observing, "fetch", lambda *_: pytest.fail("it is fetched"))
    proofs = prove(root, RULES, settings())
    assert (proofs.challenges, proofs.tree) == ([], None)
    verdict = compare(root, proofs, INPUTS, RESULT)
    assert (verdict.outcome, "more than this machine's memory" in verdict.reason) == ("veto", True)

    limit = tmp_path / "memory.max"
    limit.write_text("max\n")
    whole = most_leaves(limit)
    assert whole == most_leaves(tmp_path / "none") > 100_000
    limit.write_text(f"{1 << 20}\n")
    assert most_leaves(limit) == 256


def test_the_rules_come_from_the_chain_and_ask_for_no_batch() -> None:
    chain: Any = Chain({})
    pairs = [(address(operator), address(node)) for operator, node in PAIRS]
    chain.pairs = lambda _span: pairs
    rules = rules_of(chain, EPOCH, settings(), None)
    assert rules == Rules(chain.budget(None).card, 10**18, PAIRS, None)
    assert chain.asked == []
    chain.finals = [EPOCH - 1]
    chain.final_tree = lambda *asked: SimpleNamespace(asked=asked[0])
    assert rules_of(chain, EPOCH, settings(), None).prior.asked == EPOCH - 1  # type: ignore[union-attr]


def test_an_epoch_that_is_not_open_any_more_has_no_rules() -> None:
    chain: Any = Chain({})
    chain.budget = lambda _span: Budget(1, SECONDS, INPUTS.card, False)
    with pytest.raises(Unavailable, match="is not open any more"):
        rules_of(chain, EPOCH, settings(), None)
