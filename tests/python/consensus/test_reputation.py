# SPDX-License-Identifier: Apache-2.0
"""Weights from records, and what correlation and one voice too loud take from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.consensus import Correlation, Record, Reputation, effective_votes_milli
from cortensor.consensus.dependence import (
    Origin,
    relation,
    without_dictator,
    without_shared,
)
from cortensor.consensus.reputation import cap_micro, weight_micro
from cortensor.errors import InvalidInput

POOL = Record(right=750, total=1_000)
weights = st.dictionaries(
    st.integers(0, 4), st.integers(-2_200_000, 2_200_000), min_size=1, max_size=5
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    total = draw(st.integers(0, 2_000))
    return Record(
        right=draw(st.integers(0, total)), total=total, audited=draw(st.integers(0, total))
    )


@pytest.mark.parametrize(
    ("right", "total", "audited", "expected"),
    [
        # (92 + 6) / 108 = .907 -> ln(98/10), above the cap of an audited record
        (92, 100, 100, 2_200_000),
        # (80 + 6) / 108 -> ln(86/22)
        (80, 100, 100, 1_363_305),
        (80, 100, 0, 1_100_000),
        (80, 100, 10, 1_320_000),
        # below chance: (20 + 6) / 108 -> ln(26/82)
        (20, 100, 100, -1_148_623),
        (20, 100, 0, -1_100_000),
        # nothing known: the pool's .75 -> ln 3
        (0, 0, 0, 1_098_612),
        # one right vote of one: (1 + 6) / 9
        (1, 1, 1, 1_122_000),
    ],
)
def test_a_weight_is_the_capped_log_odds_of_the_shrunk_accuracy(
    right: int, total: int, audited: int, expected: int
) -> None:
    assert weight_micro(Record(right=right, total=total, audited=audited), POOL) == expected


@pytest.mark.parametrize(
    ("audited", "expected"),
    [(0, 1_100_000), (1, 1_122_000), (25, 1_650_000), (50, 2_200_000), (10**6, 2_200_000)],
)
def test_the_cap_grows_with_audited_items(audited: int, expected: int) -> None:
    assert cap_micro(audited) == expected


@given(records(), records())
def test_no_record_outweighs_its_cap(record: Record, pool: Record) -> None:
    assert abs(weight_micro(record, pool)) <= cap_micro(record.audited) <= 2_200_000


@given(records(), records())
def test_right_and_wrong_are_mirror_images(record: Record, pool: Record) -> None:
    def mirrored(one: Record) -> Record:
        return Record(right=one.total - one.right, total=one.total, audited=one.audited)

    assert weight_micro(mirrored(record), mirrored(pool)) == -weight_micro(record, pool)


@given(st.integers(0, 500), st.integers(1, 500))
def test_one_more_right_vote_never_weighs_less(wrong: int, right: int) -> None:
    before = Record(right=right, total=right + wrong, audited=right + wrong)
    after = Record(right=right + 1, total=right + 1 + wrong, audited=right + wrong)
    assert weight_micro(after, POOL) >= weight_micro(before, POOL)


def test_a_pool_that_never_erred_or_never_was_right_is_at_the_cap() -> None:
    perfect, hopeless = Record(right=9, total=9), Record(right=0, total=9)
    assert weight_micro(perfect, perfect) == 1_100_000
    assert weight_micro(hopeless, hopeless) == -1_100_000


def test_a_pool_without_votes_counts_as_a_coin() -> None:
    nobody = Record(right=0, total=0)
    assert weight_micro(None, nobody) == 0
    assert Reputation(records={}, gold_items=0).average() == nobody


def test_an_unknown_rater_weighs_as_the_average_and_is_young() -> None:
    known = {"a": Record(right=99, total=100, audited=100)}
    reputation = Reputation(records=known, gold_items=100)
    assert reputation.weights_micro({0: "a", 1: "b", 2: None}) == {
        0: 2_200_000,
        1: 1_100_000,
        2: 1_100_000,
    }


@pytest.mark.parametrize(
    "counts", [{"right": 3, "total": 2}, {"right": -1, "total": 2}, {"total": 1, "audited": 2}]
)
def test_counts_that_cannot_be_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        Record(**{"right": 0, **counts})


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("a", "p"), ("a", "p"), "twins"),
        (("a", "p"), ("a", "q"), "same_model"),
        (("a", "p"), ("b", "p"), "same_prompt"),
        (("a", "p"), ("b", "q"), "neither"),
        ((None, None), (None, None), "neither"),
        ((None, "p"), (None, "p"), "same_prompt"),
    ],
)
def test_what_two_raters_share(
    left: tuple[str | None, str | None], right: tuple[str | None, str | None], expected: str
) -> None:
    a, b = (Origin(model=model, prompt=prompt) for model, prompt in (left, right))
    assert relation(a, b) == relation(b, a) == expected


@pytest.mark.parametrize(
    ("votes", "correlation", "expected"),
    [
        (5, 0, 5_000),
        (5, 10_000, 1_000),
        (5, 2_990, 2_276),  # FactBench, one model: 2.28
        (5, 1_650, 3_012),
        (1, 5_000, 1_000),
        (0, 5_000, 0),
    ],
)
def test_effective_votes_are_those_of_kish(votes: int, correlation: int, expected: int) -> None:
    assert effective_votes_milli(votes, correlation) == expected


def test_the_mean_correlation_is_over_all_pairs() -> None:
    origins = [Origin(model="a", prompt="p"), Origin(model="a", prompt="q"), Origin(model="b")]
    assert Correlation().mean_bps(origins) == (2990 + 1650 + 1650) // 3
    assert Correlation().mean_bps(origins[:1]) == 0


def test_a_correlation_is_a_share() -> None:
    with pytest.raises(InvalidInput, match=r"correlation\.twins_bps"):
        Correlation(twins_bps=10_001)


def test_what_is_told_twice_is_taken_from_each_weight() -> None:
    # phi .3, half of it .15; sum 4.0; shared = .15 * 4 / (1 + .3) = .461538
    found = without_shared({0: 2_000_000, 1: 1_000_000, 2: -1_000_000}, 3_000)
    assert found == {0: 1_538_462, 1: 538_462, 2: -538_462}


@given(weights, st.integers(0, 10_000))
def test_taking_never_turns_or_enlarges_a_weight(given_: dict[int, int], phi: int) -> None:
    found = without_shared(given_, phi)
    for index, weight in found.items():
        assert abs(weight) <= abs(given_[index])
        assert weight * given_[index] >= 0
    assert without_shared(given_, 0) == given_


@given(weights)
def test_nobody_outweighs_all_others_from_four_votes_on(given_: dict[int, int]) -> None:
    found = without_dictator(given_)
    sizes = sorted(abs(weight) for weight in found.values())
    if len(sizes) >= 4:
        assert sizes[-1] <= sum(sizes[:-1])
    else:
        assert found == given_
    assert all(found[index] * weight >= 0 for index, weight in given_.items())
