# SPDX-License-Identifier: Apache-2.0
"""The formula on chain, in the package and in the reference model; and what it promises."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from cortensor.rewards import (
    Facts,
    Tally,
    amount_of,
    breadth_bps,
    next_level,
    score_of,
)
from tests.contracts.profile import examples
from tests.contracts.reward_cards import CARD, U128, busy, cards, deploy_cards, facts, tallies
from tests.model import reward_model as model

pytestmark = pytest.mark.fuzz

BUDGETS = st.integers(0, 2**96 - 1) | st.integers(0, 10**6) | st.just(2**96 - 1)
SCORES = st.integers(0, 10**12) | st.integers(0, U128) | st.just(U128)


def fuzz(count: int) -> settings:
    """Return the settings of a property that gets `count` examples in CI."""
    return settings(
        max_examples=examples(count),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture(scope="module")
def chain(protocol):
    """A holder of cards for the whole module."""
    return deploy_cards(protocol.owner)


@fuzz(120)
@given(card=cards(), seen=facts(), tally=tallies(), budget=BUDGETS, total=SCORES)
def test_chain_package_and_model_agree(chain, card, seen, tally, budget, total):
    chain.put(card.abi_tuple())
    is_valid, score, amount, level = chain.evaluate(9, seen.pack(), tally.pack(), budget, total)
    assert is_valid
    assert model.is_possible(seen)
    assert score == score_of(card, seen, tally.work) == model.score(card, seen, tally.work)
    args = (budget, score, tally.operator_score, total)
    assert amount == amount_of(card, *args) == model.amount(card, *args)
    assert level == next_level(card, seen) == model.next_level(card, seen)
    event(f"score {'some' if score else 'none'}, level {level - seen.level_before:+d}")


@fuzz(60)
@given(
    word=st.integers(0, 2**256 - 1) | facts().map(Facts.pack),
    flips=st.lists(st.integers(0, 255), max_size=2),
    tally=st.integers(0, 2**256 - 1) | tallies().map(Tally.pack),
)
def test_words_that_say_what_cannot_be(chain, word, flips, tally):
    """Every bit of a word is looked at, the unused ones too."""
    for bit in flips:
        word ^= 1 << bit
    fields = dict(zip(Facts.__struct_fields__, unpacked(word), strict=True))
    plain = Facts()
    seen = msgspec.structs.replace(plain, **fields)
    expected = model.is_possible(seen) and word >> 216 == 0 and tally >> 224 == 0
    found = chain.evaluate(1, word, tally, 10**18, 10**18)
    assert found[0] == expected
    if not expected:
        assert found == (False, 0, 0, 0)
    event(f"valid: {expected}")


@pytest.mark.parametrize(
    ("seen", "tally"), [(1 << 216, 0), (1 << 255, 0), (0, 1 << 224), (0, 1 << 255)]
)
def test_a_bit_too_many_in_either_word(chain, seen, tally):
    assert chain.evaluate(1, seen, tally, 10**18, 10**18) == (False, 0, 0, 0)
    assert chain.evaluate(1, 0, 0, 10**18, 10**18)[0]


@pytest.mark.parametrize(
    ("at", "most"),
    [(0, 10), (8, 10), (16, 1), *((at, 10_000) for at in (136, 152, 168, 184, 200))],
)
def test_one_field_out_of_range_is_enough(chain, at, most):
    assert chain.evaluate(1, most << at, 0, 10**18, 10**18)[0]
    assert chain.evaluate(1, (most + 1) << at, 0, 10**18, 10**18) == (False, 0, 0, 0)


def unpacked(word: int) -> list[int]:
    """Return the fields of a facts word, as reward_words.vy lists them."""
    widths = (8, 8, 8, 16, 32, 32, 32, 16, 16, 16, 16, 16)
    fields = []
    for width in widths:
        fields.append(word & (1 << width) - 1)
        word >>= width
    return fields


@fuzz(30)
@given(
    budget=BUDGETS,
    operators=st.lists(
        st.lists(st.integers(0, 10**6) | st.integers(0, 2**100), min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    ),
    cap=st.integers(1, 10_000),
)
def test_inv_c3_no_operator_above_the_cap_and_all_within_the_budget(chain, budget, operators, cap):
    card = msgspec.structs.replace(CARD, cap_bps=cap)
    chain.put(card.abi_tuple())
    total = sum(map(sum, operators))
    paid = []
    for nodes in operators:
        amounts = []
        for work in nodes:
            # A node of weight one, whose score is its work.
            whole = busy(
                level_before=0,
                models=1,
                agreement_bps=10_000,
                consistency_bps=10_000,
                answered_bps=10_000,
                uptime_bps=10_000,
            )
            tally = Tally(work=min(work, 2**96 - 1), operator_score=sum(nodes))
            _, score, amount, _ = chain.evaluate(9, whole.pack(), tally.pack(), budget, total)
            assert score == tally.work
            amounts.append(amount)
        paid.append(sum(amounts))
        assert paid[-1] * 10_000 <= budget * cap
    assert sum(paid) <= budget


@fuzz(60)
@given(seen=facts(), parts=st.lists(st.integers(0, 10**24), min_size=2, max_size=5))
def test_inv_c4_splitting_and_merging_move_less_than_a_unit_a_part(chain, seen, parts):
    """The same facts, the work on one node or on several: floors apart, the score is the same."""

    def score(work: int) -> int:
        return chain.evaluate(1, seen.pack(), Tally(work=work).pack(), 0, 0)[1]

    split, whole = sum(map(score, parts)), score(sum(parts))
    assert 0 <= whole - split < len(parts)


GROWING = (
    "level_before",
    "models",
    "tasks",
    "agreement_bps",
    "consistency_bps",
    "answered_bps",
    "uptime_bps",
)


@fuzz(50)
@given(
    card=cards(),
    seen=facts(),
    work=st.integers(0, 2**96 - 2),
    name=st.sampled_from(GROWING),
    by=st.integers(1, 3_000),
)
def test_inv_c5_a_score_never_falls_with_more(chain, card, seen, work, name, by):
    chain.put(card.abi_tuple())
    most = {"level_before": 10, "models": 2**16 - 1, "tasks": 2**32 - 1}.get(name, 10_000)
    more = msgspec.structs.replace(seen, **{name: min(getattr(seen, name) + by, most)})

    def score(these: Facts, units: int) -> int:
        return chain.evaluate(9, these.pack(), Tally(work=units).pack(), 0, 0)[1]

    before = score(seen, work)
    assert score(more, work) >= before
    assert score(seen, work + 1) >= before


@pytest.mark.parametrize(
    "change",
    [{"flags": 0}, {"tasks": CARD.min_tasks - 1}, {"uptime_bps": CARD.min_uptime_bps - 1}],
)
def test_inv_c5_no_score_below_a_gate(chain, change):
    tally = Tally(work=10**9).pack()
    at_gates = busy(tasks=CARD.min_tasks, uptime_bps=CARD.min_uptime_bps)
    assert chain.evaluate(1, at_gates.pack(), tally, 0, 0)[1] > 0
    below = msgspec.structs.replace(at_gates, **change)
    assert chain.evaluate(1, below.pack(), tally, 0, 0)[1] == 0


@fuzz(50)
@given(card=cards(), seen=facts())
def test_inv_c6_one_step_an_epoch_and_never_out_of_range(chain, card, seen):
    chain.put(card.abi_tuple())
    level = chain.evaluate(9, seen.pack(), 0, 0, 0)[3]
    assert 0 <= level <= 10
    assert abs(level - seen.level_before) <= 1
    if level < seen.level_before:
        # Hysteresis: whoever has its level's rate, less the margin, and is there keeps the level.
        is_fair = seen.rate_bps + card.margin_bps >= card.min_rate_bps[seen.level_before]
        assert not (is_fair and seen.uptime_bps >= card.min_uptime_bps)


def test_inv_c6_a_node_at_the_edge_does_not_flap(chain):
    """Just good enough to rise, then a little worse: it stays, down to the margin."""

    def after(level: int, rate: int, streak: int = 60) -> int:
        seen = busy(level_before=level, rate_bps=rate, streak_after=streak)
        return chain.evaluate(1, seen.pack(), 0, 0, 0)[3]

    asked, margin = CARD.min_rate_bps[4], CARD.margin_bps
    assert after(3, asked - 1) == 3
    assert after(3, asked, streak=CARD.min_streak[4] - 1) == 3
    assert after(3, asked) == 4
    assert after(4, asked - margin) == 4
    assert after(4, asked - margin - 1) == 3


def test_inv_c6_idle_nodes_keep_their_level_and_absent_ones_lose_it(chain):
    def after(**changes: int) -> int:
        return chain.evaluate(1, busy(**changes).pack(), 0, 0, 0)[3]

    assert after(tasks=0, rate_bps=0) == 3
    assert after(tasks=0, rate_bps=0, uptime_bps=CARD.min_uptime_bps - 1) == 2
    assert after(level_before=0, uptime_bps=0) == 0
    assert after(level_before=10) == 10


@fuzz(40)
@given(card=cards())
def test_inv_c7_each_further_model_adds_less(card):
    """Concave up to the basis point that rounding takes; flat from max_models on.

    The mirror stands for the contract, which the first test of this file holds it to.
    """
    most = min(card.max_models, 200)
    values = [breadth_bps(card, models) for models in range(1, most + 1)]
    gains = [more - less for less, more in pairwise(values)]
    assert all(gain >= 0 for gain in gains)
    assert all(later <= earlier + 1 for earlier, later in pairwise(gains))
    assert values[0] == breadth_bps(card, 0) == 10_000
    assert breadth_bps(card, 2**16 - 1) == breadth_bps(card, card.max_models)
    assert breadth_bps(card, card.max_models) <= 10_000 + card.breadth_gain_bps


def test_the_largest_words_fit(chain):
    """No product overflows: all that a card and a leaf can say at once."""
    card = msgspec.structs.replace(
        CARD,
        level_bps=(2**16 - 1,) * 11,
        breadth_gain_bps=10_000,
        breadth_half=1,
        max_models=2**16 - 1,
        cap_bps=1,
    )
    chain.put(card.abi_tuple())
    seen = busy(
        level_before=10,
        models=2**16 - 1,
        agreement_bps=10_000,
        consistency_bps=10_000,
        answered_bps=10_000,
        uptime_bps=10_000,
    )
    tally = Tally(work=2**96 - 1, operator_score=U128)
    _, score, amount, _ = chain.evaluate(9, seen.pack(), tally.pack(), 2**96 - 1, 1)
    assert 2**99 < score < 2**103
    assert amount == model.amount(card, 2**96 - 1, score, U128, 1)
