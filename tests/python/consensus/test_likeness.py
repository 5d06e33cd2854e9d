# SPDX-License-Identifier: Apache-2.0
"""Answers by embedding distance: exact cosines, gates first, and groups that need no model."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import Embedding, Likeness, Vote, cosine_bps, decide
from cortensor.consensus.likeness import Pair, compare, gate_between, is_same_text
from cortensor.errors import InvalidInput

numbers = st.integers(-(10**9), 10**9)
vectors = st.lists(numbers, min_size=4, max_size=4)


class Letters:
    """A text's vector counts its letters: real enough to have near and far texts."""

    name = "letters/26"
    digest = "sha256:0"
    slack_bps = 0

    def __init__(self) -> None:
        self.asked: list[str] = []

    def vector(self, text: str) -> list[int]:
        self.asked.append(text)
        return [text.casefold().count(chr(97 + i)) for i in range(26)]


def likeness(*texts: str, dispersion_bps: int = 2_500) -> Likeness:
    return compare(list(enumerate(texts)), Embedding(Letters(), dispersion_bps))


def grouped(found: Likeness) -> list[tuple[int, ...]]:
    return [group.members for group in found.groups()]


@pytest.mark.parametrize(
    ("left", "right", "bps"),
    [
        ([1, 0], [1, 0], 10_000),
        ([1, 0], [7, 0], 10_000),
        ([1, 0], [0, 1], 0),
        ([1, 0], [-1, 0], 0),
        ([0, 0], [1, 0], 0),
        ([1, 1], [1, 0], 7_071),  # .70710678
        ([3, 4], [4, 3], 9_600),
        ([10**30, 1], [10**30, 2], 9_999),  # not quite one direction
    ],
)
def test_a_cosine_is_exact_and_rounded_down(left: list[int], right: list[int], bps: int) -> None:
    assert cosine_bps(left, right) == cosine_bps(right, left) == bps


@given(vectors, vectors)
def test_a_cosine_is_the_cosine(left: list[int], right: list[int]) -> None:
    found = cosine_bps(left, right)
    size = math.hypot(*left) * math.hypot(*right)
    wanted = 0.0 if size == 0 else sum(a * b for a, b in zip(left, right, strict=True)) / size
    assert abs(found - 10_000 * max(wanted, 0)) < 1.001


@given(vectors, st.integers(1, 10**6))
def test_a_vectors_length_does_not_matter(vector: list[int], factor: int) -> None:
    other = [3, 1, 4, 1]
    assert cosine_bps(vector, other) == cosine_bps([factor * x for x in vector], other)


def test_vectors_of_two_models_are_refused() -> None:
    with pytest.raises(InvalidInput, match="vectors"):
        cosine_bps([1], [1, 2])


def test_the_distance_is_allowed_exactly() -> None:
    # cos 45 degrees is 7071 bps.
    at, beyond = (likeness("a a", "ab ab", dispersion_bps=bps) for bps in (2_929, 2_928))
    assert at.pairs[0].similarity_bps == 7_071
    assert grouped(at) == [(0, 1)]
    assert grouped(beyond) == [(0,), (1,)]


def test_equal_texts_need_no_direction() -> None:
    found = likeness("", "  ", "12", "a")
    assert [pair.similarity_bps for pair in found.pairs] == [10_000, 0, 0, 0, 0, 0]
    assert grouped(found) == [(0, 1), (2,), (3,)]


def test_anagrams_are_one_answer_only_where_the_gates_open() -> None:
    assert grouped(likeness("we listen", "silent we")) == [(0, 1)]
    found = likeness("Alice paid Bob", "Bob paid Alice")
    assert found.pairs == (Pair(replicas=(0, 1), similarity_bps=10_000, gate="order"),)
    assert grouped(found) == [(0,), (1,)]
    # One word is a choice, whatever it resembles.
    assert likeness("listen", "silent").pairs[0].gate == "enums"


@pytest.mark.parametrize(
    ("left", "right", "gate"),
    [
        ("\u5408\u540c\u6709\u6548", "\u5408\u540c\u65e0\u6548", "script"),
        ("it is \u03b1", "it is so \u03b1", "script"),
        ("it is na\u00efve", "it is so nai\u0308ve", None),
        ('{"total": 19.5}', '{"total": 195}', "structure"),
        ('{"verdict": "VALID"}', '{"verdict": "INVALID"}', "structure"),
        ('{"total": 19.5}', "the total is 19.5", "structure"),
        ('["a", "b"]', '["b", "a"]', "structure"),
        ('{"total": 19.50, "a": 1}', '{"a": 1, "total": 19.5}', None),
        ("it costs 5 EUR", "it costs 5 USD", "money"),
        ("\u20ac5 and $3", "$5 and \u20ac3", "money"),
        ("5 eur 3 usd", "5 eur 3 gbp", "money"),
        ("it costs \u20ac5", "it costs 5 euros", None),
        ("the ruling is SELLER_VALID", "the ruling is SELLER_INVALID", "enums"),
    ],
)
def test_fields_money_and_verdicts_are_never_alike(left: str, right: str, gate: str | None) -> None:
    assert gate_between(left, right) == gate_between(right, left) == gate
    assert is_same_text(left, right) is (left.startswith("{") and gate is None)
    if gate is not None:
        assert len(grouped(likeness(left, right, dispersion_bps=10_000))) == 2


def test_a_decision_holds_what_its_groups_follow_from() -> None:
    votes = [Vote(index=0, text="silent it"), Vote(index=2, text="LISTEN it")]
    votes.append(Vote(index=1, text="no"))
    decision = decide(
        [*votes, Vote(index=3, status="TIMEOUT")],
        equivalence="embedding",
        embedding=Embedding(Letters()),
    )
    assert decision.groups == ((0, "0"), (1, "1"), (2, "0"))
    assert (decision.equivalence, decision.winner) == ("embedding", (0, 2))
    assert decision.representative == 2  # of medoids that are equal the first by text
    found = decision.likeness
    assert found is not None
    assert (found.model, found.digest, found.order) == ("letters/26", "sha256:0", (2, 1, 0))
    assert [group.representative for group in found.groups()] == [2, 1]


@given(st.lists(st.text("abc 1", max_size=6), min_size=1, max_size=5), st.randoms())
def test_groups_do_not_depend_on_the_order_of_replicas(texts: list[str], random: object) -> None:
    answers = list(enumerate(texts))
    shuffled = sorted(answers, key=lambda _: random.random())  # type: ignore[attr-defined]
    by = Embedding(Letters())
    assert compare(answers, by) == compare(shuffled, by)


def test_each_answer_is_embedded_once() -> None:
    model = Letters()
    compare([(0, "a"), (1, "b"), (2, "c")], Embedding(model))
    assert model.asked == ["a", "b", "c"]


@pytest.mark.parametrize("distance", [-1, 10_001])
def test_a_distance_has_limits(distance: int) -> None:
    with pytest.raises(InvalidInput, match="dispersion_bps"):
        likeness("a", dispersion_bps=distance)


@pytest.mark.parametrize(
    ("order", "pairs"),
    [
        ((0, 1), []),
        ((0, 1), [(1, 0)]),
        ((0, 1), [(0, 1), (0, 1)]),
        ((0, 0), [(0, 0)]),
        ((0, 1, 2), [(0, 1), (1, 2), (0, 2)]),
    ],
)
def test_a_comparison_that_leaves_something_out_is_refused(
    order: tuple[int, ...], pairs: list[tuple[int, int]]
) -> None:
    with pytest.raises(InvalidInput, match="every two answers once"):
        Likeness(
            model="m",
            digest="d",
            dispersion_bps=2_500,
            order=order,
            pairs=tuple(Pair(replicas=pair, similarity_bps=1, gate=None) for pair in pairs),
        )


@pytest.mark.parametrize(("bps", "gate"), [(-1, None), (10_001, None), (1, "mood")])
def test_a_pair_that_no_comparison_gives_is_refused(bps: int, gate: str | None) -> None:
    with pytest.raises(InvalidInput):
        Pair(replicas=(0, 1), similarity_bps=bps, gate=gate)
