# SPDX-License-Identifier: Apache-2.0
"""Random cards, facts and leaves."""

from __future__ import annotations

from hypothesis import strategies as st

from cortensor.rewards import Facts, Leaf, RewardCard, Sums, Tally

BPS = st.integers(0, 10_000)
U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)
ADDRESSES = st.integers(1, 2**160 - 1)


def rising(
    items: st.SearchStrategy[int], *, zero_first: bool = False
) -> st.SearchStrategy[tuple[int, ...]]:
    """Eleven numbers in one or two steps: drawing each of them takes most of a test's time."""

    def order(ends: tuple[int, int, int], first: int, second: int) -> tuple[int, ...]:
        low, middle, high = sorted(ends)
        start = 0 if zero_first else low
        return tuple(
            start if level == 0 else low if level < first else middle if level < second else high
            for level in range(11)
        )

    return st.builds(
        order, st.tuples(items, items, items), st.integers(0, 11), st.integers(0, 11)
    ).filter(lambda found: list(found) == sorted(found))


CARDS = st.builds(
    RewardCard,
    level_bps=rising(st.integers(1, 2**16 - 1)),
    min_streak=rising(U16, zero_first=True),
    min_rate_bps=rising(BPS, zero_first=True),
    breadth_gain_bps=BPS,
    breadth_half=st.integers(1, 2**16 - 1),
    max_models=st.integers(1, 2**16 - 1),
    cap_bps=st.integers(1, 10_000),
    min_tasks=st.integers(1, 100),
    min_uptime_bps=BPS,
    margin_bps=BPS,
    budget_cap_wei=st.integers(1, 2**96 - 1),
)
FACTS = st.builds(
    Facts,
    level_before=st.integers(0, 10),
    level_after=st.integers(0, 10),
    flags=st.integers(0, 1),
    models=U16,
    tasks=st.one_of(st.integers(0, 200), U32),
    streak_before=U32,
    streak_after=st.one_of(st.integers(0, 200), U32),
    rate_bps=BPS,
    agreement_bps=BPS,
    consistency_bps=BPS,
    answered_bps=BPS,
    uptime_bps=BPS,
)
WORK = st.integers(0, 2**96 - 1)
SUMS = st.builds(Sums, amount=st.integers(0, 2**120), score=st.integers(0, 2**120))
TALLIES = st.builds(Tally, work=WORK, operator_score=st.integers(0, 2**128 - 1))


def _leaf(key: tuple[int, int], facts: Facts, tally: Tally, sums: Sums) -> Leaf:
    return Leaf(*key, facts.pack(), tally.pack(), sums.pack())


LEAVES = st.lists(
    st.builds(_leaf, st.tuples(st.integers(1, 9), ADDRESSES), FACTS, TALLIES, SUMS),
    min_size=1,
    max_size=10,
    unique_by=lambda leaf: (leaf.operator, leaf.node),
).map(sorted)

CARD = RewardCard(
    level_bps=tuple(range(10_000, 15_001, 500)),
    min_streak=tuple(range(11)),
    min_rate_bps=(0, 5000, 5500, 6000, 6500, 7000, 7500, 8000, 8400, 8700, 9000),
    breadth_gain_bps=2000,
    breadth_half=3,
    max_models=16,
    cap_bps=1000,
    min_tasks=20,
    min_uptime_bps=5000,
    margin_bps=500,
    budget_cap_wei=10**22,
)
"""Usual parameters, which stay when the committed card moves on."""
