# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Reward cards: the formula's parameters, by version
@custom:contract-name reward_card
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A card is immutable once published and takes effect after a delay, so
        that whoever works knows what an epoch will pay before it begins. No
        number moves further than one step at a time.
@dev    Words: lib/reward_card_words.vy. Formula: lib/reward_formula.vy.
"""

from contracts.interfaces import IRewardCard
from contracts.lib import reward_card_words as words
from contracts.lib import reward_formula
from snekmate.auth import ownable

implements: IRewardCard
uses: ownable

# @dev A share moves by at most five percentage points.
_RATE_STEP_BPS: constant(uint256) = 500

# @dev A number or a wei amount moves by at most a quarter, or by 1.
_STEP_BPS: constant(uint256) = 2_500

_BPS: constant(uint256) = 10_000
_MAX_DELAY_SECONDS: constant(uint256) = 30 * 86_400
_U16: constant(uint256) = 2**16 - 1
_U96: constant(uint256) = 2**96 - 1
_U128: constant(uint256) = 2**128 - 1

CARD_DELAY_SECONDS: public(immutable(uint256))


# @dev version -> the card's four words.
_cards: HashMap[uint256, uint256[4]]

# @dev The newest version, in effect or not.
_latest: uint256


@deploy
def __init__(delay_seconds: uint256, first_card: IRewardCard.RewardCard):
    """
    @dev Publishes card number 1, in effect at once.
    @param delay_seconds How long a card waits before it takes effect, not 0 and
           at most 30 days.
    @param first_card The card.
    """
    # Else two cards of one second could both be in effect at it.
    assert delay_seconds != 0, "rcard: zero delay"
    assert delay_seconds <= _MAX_DELAY_SECONDS, "rcard: delay over 30 days"
    CARD_DELAY_SECONDS = delay_seconds
    self._publish(1, first_card, block.timestamp)


@external
def publish_card(card: IRewardCard.RewardCard) -> uint256:
    ownable._check_owner()
    last: uint256 = self._latest
    # One card at a time waits, so that what was announced is what comes.
    assert words._effective_at(self._cards[last][0]) <= block.timestamp, "rcard: last card waits"
    self._check_step(words._unpack(self._cards[last]), card)
    self._publish(last + 1, card, block.timestamp + CARD_DELAY_SECONDS)
    return last + 1


@external
@view
def card(version: uint256) -> IRewardCard.RewardCard:
    return words._unpack(self._card(version))


@external
@view
def card_version_at(moment: uint256) -> uint256:
    return self._version_at(moment)


@external
@view
def card_effective_at(version: uint256) -> uint256:
    return words._effective_at(self._card(version)[0])


@external
@view
def latest_card_version() -> uint256:
    return self._latest


@external
@view
def evaluate(
    version: uint256, facts: uint256, tally: uint256, budget: uint256, total_score: uint256
) -> (bool, uint256, uint256, uint256):
    assert budget <= _U96, "rcard: budget over uint96"
    assert total_score <= _U128, "rcard: score over uint128"
    outcome: reward_formula.Outcome = reward_formula._evaluate(
        self._card(version), facts, tally, budget, total_score
    )
    return (outcome.is_valid, outcome.score, outcome.amount, outcome.level_after)


@internal
@view
def _card(version: uint256) -> uint256[4]:
    """
    @dev Reads a card.
    @param version Its version.
    @return uint256[4] Its words.
    """
    card: uint256[4] = self._cards[version]
    assert card[0] != 0, "rcard: unknown version"
    return card


@internal
@view
def _version_at(moment: uint256) -> uint256:
    """
    @dev The version in effect at a moment: the newest that took effect by then.
         An epoch can be opened long after it began, so this looks back as far
         as need be, by halves.
    @param moment Unix seconds, not before the first card.
    @return uint256 The version.
    """
    high: uint256 = self._latest
    if words._effective_at(self._cards[high][0]) <= moment:
        return high
    assert words._effective_at(self._cards[1][0]) <= moment, "rcard: before the first card"
    # `low` is in effect at the moment, `high` is not yet; versions fit 16 bits.
    low: uint256 = 1
    for _: uint256 in range(16):
        if high - low == 1:
            break
        middle: uint256 = (low + high) // 2
        if words._effective_at(self._cards[middle][0]) <= moment:
            low = middle
        else:
            high = middle
    return low


@internal
def _publish(version: uint256, card: IRewardCard.RewardCard, effective_at: uint256):
    """
    @dev Writes a card that keeps the rules.
    @param version Its version.
    @param card The card.
    @param effective_at When it takes effect, in unix seconds.
    """
    assert version <= _U16, "rcard: versions exhausted"
    self._check(card)
    self._cards[version] = words._pack(card, effective_at)
    self._latest = version
    log IRewardCard.RewardCardPublished(version=version, effective_at=effective_at, card=card)


@internal
@pure
def _check(card: IRewardCard.RewardCard):
    """
    @dev Reverts if a card breaks what the formula promises.
    @param card The card.
    """
    assert card.min_streak[0] == 0, "rcard: level 0 asks for nothing"
    assert card.min_rate_bps[0] == 0, "rcard: level 0 asks for nothing"
    for i: uint256 in range(10):
        assert card.level_bps[i] <= card.level_bps[i + 1], "rcard: levels must not fall"
        assert card.min_streak[i] <= card.min_streak[i + 1], "rcard: streaks must not fall"
        assert card.min_rate_bps[i] <= card.min_rate_bps[i + 1], "rcard: rates must not fall"
    assert card.level_bps[0] != 0, "rcard: a level pays nothing"
    assert card.min_rate_bps[10] <= 10_000, "rcard: rate over 100%"
    assert card.breadth_gain_bps <= 10_000, "rcard: breadth over double"
    assert card.breadth_half != 0, "rcard: zero breadth half"
    assert card.max_models != 0, "rcard: zero models"
    assert card.cap_bps != 0, "rcard: zero cap"
    assert card.cap_bps <= 10_000, "rcard: cap over 100%"
    assert card.min_tasks != 0, "rcard: zero tasks"
    assert card.min_uptime_bps <= 10_000, "rcard: uptime over 100%"
    assert card.margin_bps <= 10_000, "rcard: margin over 100%"
    assert card.budget_cap_wei != 0, "rcard: zero budget cap"


@internal
@pure
def _check_step(old: IRewardCard.RewardCard, new: IRewardCard.RewardCard):
    """
    @dev Reverts if any number moves further than one step.
    @param old The last card.
    @param new The next card.
    """
    for i: uint256 in range(11):
        self._rate_step(old.level_bps[i], new.level_bps[i])
        self._rate_step(old.min_rate_bps[i], new.min_rate_bps[i])
        self._step(convert(old.min_streak[i], uint256), convert(new.min_streak[i], uint256))
    self._rate_step(old.breadth_gain_bps, new.breadth_gain_bps)
    self._rate_step(old.min_uptime_bps, new.min_uptime_bps)
    self._rate_step(old.margin_bps, new.margin_bps)
    self._step(convert(old.breadth_half, uint256), convert(new.breadth_half, uint256))
    self._step(convert(old.max_models, uint256), convert(new.max_models, uint256))
    # A share, but a small one: five points could be several times what it was.
    self._step(convert(old.cap_bps, uint256), convert(new.cap_bps, uint256))
    self._step(convert(old.min_tasks, uint256), convert(new.min_tasks, uint256))
    self._step(convert(old.budget_cap_wei, uint256), convert(new.budget_cap_wei, uint256))


@internal
@pure
def _rate_step(old: uint16, new: uint16):
    """
    @dev Reverts if a share moves too far.
    @param old The last share in bps.
    @param new The next share in bps.
    """
    distance: uint256 = self._distance(convert(old, uint256), convert(new, uint256))
    assert distance <= _RATE_STEP_BPS, "rcard: rate step too large"


@internal
@pure
def _step(old: uint256, new: uint256):
    """
    @dev Reverts if a number moves too far.
    @param old The last number.
    @param new The next number.
    """
    # Rounded down: never more than a quarter, but 1 at least, so that a small
    # number can still move.
    step: uint256 = max(old * _STEP_BPS // _BPS, 1)
    assert self._distance(old, new) <= step, "rcard: step too large"


@internal
@pure
def _distance(a: uint256, b: uint256) -> uint256:
    """
    @dev The absolute difference.
    @param a One number.
    @param b Another.
    @return uint256 Their distance.
    """
    if a > b:
        return a - b
    return b - a
