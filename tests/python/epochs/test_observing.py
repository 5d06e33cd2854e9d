# SPDX-License-Identifier: Apache-2.0
"""Of a long chain no more is read than what can hold the answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cortensor.chain.call_many import MOST_CALLS
from cortensor.chain.rewards import EXPIRED, FINAL, NONE, POSTED, Header, Posted
from cortensor.epochs import observing
from cortensor.epochs.challenges import Rules
from cortensor.epochs.judging import prove
from cortensor.epochs.observing import RewardChain
from cortensor.epochs.place import RewardPlace
from cortensor.epochs.settings import ObserveSettings
from cortensor.epochs.tree_file import (
    HEADER_BYTES,
    LEAF_BYTES,
    MAX_DEPTH,
    PostedTree,
    encode,
    most_bytes,
    rows_of,
    seal_of,
)
from cortensor.errors import Unavailable
from cortensor.rewards.epoch import compute_epoch
from cortensor.watch.fetch import FetchLimits
from tests.python.epochs.publishing import Answers
from tests.python.epochs.samples import inputs

SECONDS, BLOCK_S = 86_400, 12
HEAD = 5_000_000
EPOCH = HEAD * BLOCK_S // SECONDS - 1
DEPLOYED = 10 * SECONDS // BLOCK_S
SMALL = ObserveSettings(limits=FetchLimits(max_bytes=100, is_private_allowed=True, timeout_s=5))


class Rewards:
    """NodeReward whose epochs have these states; notes which blocks and epochs are read."""

    def __init__(self, states: dict[int, int]) -> None:
        self.states = states
        self.read: list[tuple[int, int]] = []
        self.asked: list[range] = []

    def bounds(self, epoch: int) -> tuple[int, int]:
        return epoch * SECONDS, (epoch + 1) * SECONDS

    def seconds(self, name: str) -> int:
        return {"EPOCH_SECONDS": SECONDS, "POST_SECONDS": 2 * SECONDS}[name]

    def epochs(self, epochs: range, block: int) -> list[Any]:
        assert block == HEAD
        assert len(epochs) <= MOST_CALLS
        self.asked.append(epochs)
        return [SimpleNamespace(state=self.states.get(each, NONE)) for each in epochs]

    def posted(self, _epoch: int, first: int, last: int) -> list[Posted]:
        self.read.append((first, last))
        return []

    def opened_in(self, _epoch: int, first: int, last: int) -> int:
        self.read.append((first, last))
        return first


class Times:
    """A chain with a block every twelve seconds."""

    def of(self, block: int) -> int:
        return block * BLOCK_S

    def first_since(self, moment: int, low: int) -> int:
        return max(low, -(-moment // BLOCK_S))


def chain_of(states: dict[int, int] | None = None) -> Any:
    chain: Any = RewardChain.__new__(RewardChain)
    chain.place = RewardPlace("", "", None, DEPLOYED)
    chain.rewards, chain.times = Rewards(states or {}), Times()
    chain.observer = SimpleNamespace(head=lambda: SimpleNamespace(number=HEAD))
    chain.web3 = None
    return chain


def test_postings_and_openings_are_read_from_the_end_of_their_epoch_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    horizon = SimpleNamespace(reach=lambda _: HEAD)
    monkeypatch.setattr(observing, "read_horizon", lambda _: horizon)
    chain = chain_of()
    chain.posted(EPOCH)
    chain.require_sure(EPOCH, "hard")
    over = (EPOCH + 1) * SECONDS // BLOCK_S
    assert chain.rewards.read == [(over, HEAD)] * 2
    assert chain.rewards.bounds(EPOCH)[1] == chain.times.of(over)


def test_the_last_final_epochs_are_found_without_logs() -> None:
    final = dict.fromkeys(range(300, EPOCH, 7), FINAL) | {299: EXPIRED, EPOCH: POSTED}
    chain = chain_of(final)
    want = sorted({*final} - {EPOCH})
    assert chain.final_before(EPOCH, 1) == want[-1:]
    assert chain.rewards.asked == [range(EPOCH - MOST_CALLS, EPOCH)]
    assert chain.final_before(EPOCH, 31) == want[-31:]
    assert chain.final_before(320, 31) == [299, 300, 307, 314]
    assert chain.final_before(300, 1) == [299]
    assert chain.final_before(EPOCH, 10_000) == want


def test_nothing_follows_from_what_the_owner_had_forgotten() -> None:
    chain = chain_of({300: FINAL, 310: FINAL, EPOCH: POSTED})
    chain.rewards.forgotten_since = {300: 0, 310: EPOCH}.__getitem__
    assert [chain.prior_epoch(each) for each in (300, 301, 310)] == [0, 300, 300]
    assert [chain.prior_epoch(each) for each in (EPOCH - 1, EPOCH, EPOCH + 1)] == [310, 0, 0]


def test_no_epoch_that_could_be_opened_is_too_early_to_be_looked_at() -> None:
    # Deployed in the first second of epoch 10, when 9, 8 and 7 could still be opened.
    chain = chain_of({7: FINAL})
    assert chain.final_before(EPOCH, 31) == [7]
    assert chain.rewards.asked[-1].start == 7
    assert chain.final_before(7, 31) == []


def test_a_tree_is_fetched_whole_however_many_leaves_are_posted(answers: Answers) -> None:
    given = inputs(prior={})
    result = compute_epoch(given)
    leaves = [*result.leaves, result.leaves[-1]]
    tree = PostedTree(leaves, rows_of(leaves))
    header = Header(tree.top.hashed, tree.top.sums, len(leaves), bytes(32), "0x" + "11" * 20)
    posted = Posted(given.epoch, header, 0, answers.url, 1, "0x")
    pairs = [(entry.operator, entry.node) for entry in given.roster.nodes]
    rules = Rules(given.card, given.budget, pairs, None)
    longest = encode(leaves, rows_of(leaves))
    assert len(longest) == most_bytes(len(leaves)) > SMALL.limits.max_bytes
    for data in (encode(leaves), longest):
        answers.pages["/batch/tree.bin"] = data
        assert prove(posted, rules, SMALL).challenges
    answers.pages["/batch/tree.bin"] = longest + b"0"
    assert f"more than {len(longest)}" in prove(posted, rules, SMALL).why


def test_a_final_tree_is_fetched_whole_too(answers: Answers) -> None:
    leaves = compute_epoch(inputs(prior={})).leaves
    tree = PostedTree(leaves, rows_of(leaves))
    header = Header(tree.top.hashed, tree.top.sums, len(leaves), bytes(32), "0x" + "11" * 20)
    chain = chain_of()
    chain.rewards.root = lambda _: seal_of(header.root, header.sums, header.count)
    chain.rewards.posted = lambda *_: [Posted(EPOCH, header, 0, answers.url, 1, "0x")]
    answers.pages["/batch/tree.bin"] = encode(leaves)
    assert chain.final_tree(EPOCH, None, SMALL).leaves == list(leaves)
    answers.pages["/batch/tree.bin"] = b"0" * (most_bytes(len(leaves)) + 1)
    with pytest.raises(Unavailable, match="more than"):
        chain.final_tree(EPOCH, None, SMALL)


def test_a_file_is_as_long_as_the_contract_lets_it_be_and_no_longer() -> None:
    assert most_bytes(0) == HEADER_BYTES + 64
    assert most_bytes(1) == HEADER_BYTES + LEAF_BYTES + 64
    deepest = most_bytes(1 << MAX_DEPTH)
    assert deepest > (1 << MAX_DEPTH) * LEAF_BYTES
    assert most_bytes((1 << MAX_DEPTH) + 1) == most_bytes(1 << 255) == deepest
