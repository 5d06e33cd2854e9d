# SPDX-License-Identifier: Apache-2.0
"""What labels alone show to be settled is settled, whatever the rest may answer."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import Record, Reputation, Vote, decide
from cortensor.consensus.adaptive import is_settled_by_count

WORDS = ["VALID", "INVALID", "RETRY", None]


def votes(words: tuple[str | None, ...]) -> list[Vote]:
    return [Vote(index=index, label=word) for index, word in enumerate(words)]


def test_three_of_three_are_settled_for_five_and_two_of_three_are_not() -> None:
    assert is_settled_by_count(decide(votes(("VALID",) * 3)), 2)
    assert not is_settled_by_count(decide(votes(("VALID", "VALID", "INVALID"))), 2)
    assert not is_settled_by_count(decide(votes(("VALID", "VALID", None))), 2)
    assert not is_settled_by_count(decide(votes(("VALID",))), 0)
    assert not is_settled_by_count(decide(votes((None, None))), 1)


def test_what_weighs_is_never_settled_by_count() -> None:
    known = Reputation(records={"a": Record(right=9, total=10)}, gold_items=30)
    decision = decide(votes(("VALID",) * 3), strategy="weighted", reputation=known)
    assert not is_settled_by_count(decision, 2)


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    st.integers(1, 2),
    st.sampled_from(["return_all", "best_effort", "fail_hard"]),
)
def test_nothing_changes_a_settled_winner(words: list[str | None], left: int, policy: str) -> None:
    now = decide(votes(tuple(words)), policy=policy)
    if is_settled_by_count(now, left):
        for more in product(WORDS, repeat=left):
            later = decide(votes((*words, *more)), policy=policy)
            assert set(now.winner) <= set(later.winner)
