# SPDX-License-Identifier: Apache-2.0
"""A calibration from gold items: drawn without chance, measured on what it did not see."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from cortensor.consensus import GoldItem, Reputation, Vote, decide, records_of
from cortensor.consensus.calibrate import Bin, expected_error_bps, reliability
from cortensor.consensus.fitting import FOLDS, draw_rounds, fit
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.consensus import Decision
    from cortensor.consensus.fitting import Named

LABELS = ("VALID", "INVALID")


def gold(count: int, raters: int = 5) -> list[Named]:
    """Items on which rater r errs once in r + 3 times."""
    items = []
    for number in range(count):
        right = LABELS[number % 2]
        votes = tuple(
            Vote(
                index=r,
                rater=f"r{r}",
                label=LABELS[(number + ((number * 7 + r * 3) % (r + 3) == 0)) % 2],
            )
            for r in range(raters)
        )
        items.append((f"q{number}", GoldItem(votes=votes, right=right)))
    return items


def majority(_known: Sequence[Named]) -> Callable[..., Decision]:
    return decide


def weighted(known: Sequence[Named]) -> Callable[..., Decision]:
    reputation = Reputation(records=records_of(item for _, item in known), gold_items=len(known))
    return partial(decide, strategy="weighted", labels=LABELS, reputation=reputation)


def test_rounds_are_drawn_once_each_and_always_the_same() -> None:
    items = gold(3)
    rounds = draw_rounds(items, draws=50)
    assert rounds == draw_rounds(items, draws=50)
    # Five alone, ten threes and one five of each item.
    assert [len(votes) for votes, _ in rounds].count(1) == 15
    assert [len(votes) for votes, _ in rounds].count(3) == 30
    assert [len(votes) for votes, _ in rounds].count(5) == 3
    assert all([vote.index for vote in votes] == list(range(len(votes))) for votes, _ in rounds)


def test_an_item_gives_only_rounds_that_it_has_votes_for() -> None:
    votes = (
        Vote(index=0, rater="a", label="VALID"),
        Vote(index=1, rater=None, label="VALID"),
        Vote(index=2, rater="b", label=None),
        Vote(index=3, rater="c", label="VALID"),
    )
    rounds = draw_rounds([("q", GoldItem(votes=votes, right="VALID"))])
    assert sorted(vote.rater or "" for cast, _ in rounds for vote in cast) == ["a", "c"]


@pytest.mark.parametrize(
    ("rule", "method"), [(majority, "margin_table"), (weighted, "temperature")]
)
def test_what_is_fitted_is_what_the_decision_then_says(
    rule: Callable[[Sequence[Named]], Callable[..., Decision]], method: str
) -> None:
    items = gold(60)
    found = fit(items, rule, version="v1")
    assert (found.is_held_out, found.calibration.n_history) == (True, 60)
    assert found.calibration.version == "v1"
    votes, _ = draw_rounds(items)[-1]
    decision = rule(items)(votes, calibration=found.calibration)
    assert (decision.calibration.method, decision.calibration.n_history) == (method, 60)
    for size, before in found.before.items():
        assert [right for _, right in before] == [right for _, right in found.after[size]]
        assert expected_error_bps(found.after[size]) < 10_000


def test_no_item_is_judged_by_what_it_taught() -> None:
    items = gold(50)
    taught: list[set[str]] = []

    def watching(known: Sequence[Named]) -> Callable[..., Decision]:
        taught.append({name for name, _ in known})
        return decide

    found = fit(items, watching, version="", draws=1)
    folds = [names for names in taught if len(names) < len(items)]
    assert len(folds) == 2 * FOLDS  # the rule and its fit, of each
    asked = [{name for name, _ in items} - names for names in folds]
    assert set().union(*asked) == {name for name, _ in items}
    assert sum(len(pairs) for pairs in found.before.values()) == 3 * len(items)


def test_with_too_few_to_hold_out_it_says_so() -> None:
    assert not fit(gold(31), majority, version="").is_held_out
    assert fit(gold(32), majority, version="").is_held_out


def test_below_the_least_number_of_items_it_refuses() -> None:
    with pytest.raises(InvalidInput, match="needs 25 gold items, there are 24") as caught:
        fit(gold(24), majority, version="")
    assert caught.value.code == "too_few_gold_items"


def test_where_adaptive_stops_is_fitted_on_request() -> None:
    stops = [
        fit(gold(60), weighted, version="", mean_replicas_milli=mean).calibration.stop_bps
        for mean in (None, 1_500, 4_500)
    ]
    assert stops[0] is None
    assert stops[1] is not None
    assert stops[2] is not None
    assert stops[1] < stops[2]


def test_reliability_says_how_often_a_confidence_was_right() -> None:
    scored = [(6_000, 1), (6_999, 0), (9_950, 1), (10_000, 1), (7_000, 1)]
    assert reliability(scored) == [
        Bin(low_bps=6_000, rounds=2, mean_bps=6_499, right_bps=5_000),
        Bin(low_bps=7_000, rounds=1, mean_bps=7_000, right_bps=10_000),
        Bin(low_bps=9_000, rounds=2, mean_bps=9_975, right_bps=10_000),
    ]
    assert reliability([]) == []
