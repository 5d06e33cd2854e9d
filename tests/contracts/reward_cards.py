# SPDX-License-Identifier: Apache-2.0
"""Reward cards and leaves: a contract that holds cards and nothing else, and strategies."""

from __future__ import annotations

import functools
from itertools import accumulate
from pathlib import Path

import boa
import msgspec
from hypothesis import strategies as st

from cortensor.rewards import Facts, RewardCard, Tally
from tests.contracts.protocol import CONTRACTS

CARD = RewardCard.load(Path(__file__).parents[2] / "config" / "reward-card.toml")
CARD_DELAY_SECONDS = 86_400
U128 = 2**128 - 1

_HOLDER = """
# pragma nonreentrancy on
from contracts.interfaces import IRewardCard
from contracts.modules import reward_card
from snekmate.auth import ownable

initializes: ownable
initializes: reward_card[ownable := ownable]
exports: (
    reward_card.publish_card,
    reward_card.card,
    reward_card.card_version_at,
    reward_card.card_effective_at,
    reward_card.latest_card_version,
    reward_card.evaluate,
    reward_card.CARD_DELAY_SECONDS,
)

@deploy
def __init__(owner: address, delay_seconds: uint256, first_card: IRewardCard.RewardCard):
    ownable.__init__()
    ownable._transfer_ownership(owner)
    reward_card.__init__(delay_seconds, first_card)

@external
def put(card: IRewardCard.RewardCard):
    # Without the step from the last one, which would keep most cards out of a test.
    reward_card._publish(9, card, block.timestamp)

@external
def skip_to(version: uint256):
    reward_card._latest = version
    reward_card._cards[version] = reward_card._cards[1]
"""


@functools.cache
def _holder():
    boa.interpret.set_search_paths([str(CONTRACTS.parent)])
    return boa.loads_partial(_HOLDER)


def deploy_cards(owner: str, card: RewardCard = CARD, delay: int = CARD_DELAY_SECONDS):
    """Deploy a contract that holds reward cards."""
    return _holder().deploy(owner, delay, card.abi_tuple())


def changed(**changes: object) -> RewardCard:
    """Return the first card with changes."""
    return msgspec.structs.replace(CARD, **changes)


def rising(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Return eleven numbers that never fall, from 0 to `most`."""
    return st.lists(st.integers(0, most), min_size=10, max_size=10).map(
        lambda found: (0, *sorted(found))
    )


def _levels(steps: list[int]) -> tuple[int, ...]:
    return tuple(accumulate(steps))


def cards() -> st.SearchStrategy[RewardCard]:
    """Return any card that may be published, edges often."""
    share = st.one_of(st.just(0), st.just(10_000), st.integers(0, 10_000))
    return st.builds(
        RewardCard,
        level_bps=st.lists(st.integers(0, 5_000), min_size=10, max_size=10).map(
            lambda steps: _levels([1 + steps[0], *steps])
        ),
        min_streak=rising(2**16 - 1) | rising(20),
        min_rate_bps=rising(10_000),
        breadth_gain_bps=share,
        breadth_half=st.integers(1, 2**16 - 1) | st.integers(1, 8),
        max_models=st.integers(1, 2**16 - 1) | st.integers(1, 8),
        cap_bps=st.integers(1, 10_000) | st.just(10_000),
        min_tasks=st.integers(1, 40) | st.integers(1, 2**32 - 1),
        min_uptime_bps=share,
        margin_bps=share | st.integers(0, 600),
        budget_cap_wei=st.integers(1, 2**96 - 1),
    )


def facts() -> st.SearchStrategy[Facts]:
    """Return facts that can be, most of a node that counts."""
    good = st.one_of(st.just(10_000), st.integers(5_000, 10_000), st.integers(0, 10_000))
    count = st.integers(0, 60) | st.integers(0, 2**32 - 1)
    return st.builds(
        Facts,
        level_before=st.integers(0, 10),
        level_after=st.integers(0, 10),
        flags=st.sampled_from((1, 1, 1, 0)),
        models=st.integers(0, 20) | st.integers(0, 2**16 - 1),
        tasks=count,
        streak_before=count,
        streak_after=count,
        rate_bps=good,
        agreement_bps=good,
        consistency_bps=good,
        answered_bps=good,
        uptime_bps=good,
    )


def tallies() -> st.SearchStrategy[Tally]:
    """Return tallies, whole words now and then."""
    return st.builds(
        Tally,
        work=st.integers(0, 10**9) | st.integers(0, 2**96 - 1) | st.just(2**96 - 1),
        operator_score=st.integers(0, 10**12) | st.integers(0, U128) | st.just(U128),
    )


def busy(**changes: object) -> Facts:
    """Return the facts of a good node of the first card, with changes."""
    plain = Facts(
        level_before=3,
        level_after=4,
        flags=1,
        models=2,
        tasks=200,
        streak_before=40,
        streak_after=60,
        rate_bps=9_500,
        agreement_bps=9_000,
        consistency_bps=9_600,
        answered_bps=9_900,
        uptime_bps=9_800,
    )
    return msgspec.structs.replace(plain, **changes)
