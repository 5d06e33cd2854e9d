# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Reward card in four words
@custom:contract-name reward_card_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Vyper gives every field a slot of its own; a reward card has 41 fields,
        so it is packed by hand. Entry i of a list is at bit 16 * i.

        0: level_bps[11] u16 | effective_at u40
        1: min_streak[11] u16
        2: min_rate_bps[11] u16
        3: breadth_gain_bps u16 | breadth_half u16 | max_models u16 | cap_bps u16
           | min_tasks u32 | min_uptime_bps u16 | margin_bps u16
           | budget_cap_wei u96
"""

from contracts.interfaces import IRewardCard

_U16: constant(uint256) = 2**16 - 1
_U32: constant(uint256) = 2**32 - 1

_EFFECTIVE_AT: constant(uint256) = 176
_BREADTH_HALF: constant(uint256) = 16
_MAX_MODELS: constant(uint256) = 32
_CAP: constant(uint256) = 48
_MIN_TASKS: constant(uint256) = 64
_MIN_UPTIME: constant(uint256) = 96
_MARGIN: constant(uint256) = 112
_BUDGET_CAP: constant(uint256) = 128


@internal
@pure
def _pack(card: IRewardCard.RewardCard, effective_at: uint256) -> uint256[4]:
    """
    @dev Packs a card and the time it takes effect.
    @param card The card.
    @param effective_at Unix seconds, below 2**40.
    @return uint256[4] The words.
    """
    words: uint256[4] = empty(uint256[4])
    for i: uint256 in range(11):
        words[0] |= convert(card.level_bps[i], uint256) << (16 * i)
        words[1] |= convert(card.min_streak[i], uint256) << (16 * i)
        words[2] |= convert(card.min_rate_bps[i], uint256) << (16 * i)
    words[0] |= effective_at << _EFFECTIVE_AT
    words[3] = convert(card.breadth_gain_bps, uint256)
    words[3] |= convert(card.breadth_half, uint256) << _BREADTH_HALF
    words[3] |= convert(card.max_models, uint256) << _MAX_MODELS
    words[3] |= convert(card.cap_bps, uint256) << _CAP
    words[3] |= convert(card.min_tasks, uint256) << _MIN_TASKS
    words[3] |= convert(card.min_uptime_bps, uint256) << _MIN_UPTIME
    words[3] |= convert(card.margin_bps, uint256) << _MARGIN
    words[3] |= convert(card.budget_cap_wei, uint256) << _BUDGET_CAP
    return words


@internal
@pure
def _unpack(words: uint256[4]) -> IRewardCard.RewardCard:
    """
    @dev The inverse of `_pack`.
    @param words The words.
    @return RewardCard The card.
    """
    card: IRewardCard.RewardCard = empty(IRewardCard.RewardCard)
    for i: uint256 in range(11):
        card.level_bps[i] = convert(self._at(words[0], i), uint16)
        card.min_streak[i] = convert(self._at(words[1], i), uint16)
        card.min_rate_bps[i] = convert(self._at(words[2], i), uint16)
    card.breadth_gain_bps = convert(self._breadth_gain_bps(words), uint16)
    card.breadth_half = convert(self._breadth_half(words), uint16)
    card.max_models = convert(self._max_models(words), uint16)
    card.cap_bps = convert(self._cap_bps(words), uint16)
    card.min_tasks = convert(self._min_tasks(words), uint32)
    card.min_uptime_bps = convert(self._min_uptime_bps(words), uint16)
    card.margin_bps = convert(self._margin_bps(words), uint16)
    card.budget_cap_wei = convert(self._budget_cap_wei(words), uint96)
    return card


@internal
@pure
def _effective_at(word: uint256) -> uint256:
    """
    @dev Reads when a card takes effect.
    @param word The card's first word.
    @return uint256 Unix seconds; 0 for a card that was never published.
    """
    return word >> _EFFECTIVE_AT


@internal
@pure
def _level_bps(words: uint256[4], level: uint256) -> uint256:
    """
    @dev Reads what a level multiplies by.
    @param words The card.
    @param level 0 to 10.
    @return uint256 Basis points.
    """
    return self._at(words[0], level)


@internal
@pure
def _min_streak(words: uint256[4], level: uint256) -> uint256:
    """
    @dev Reads how many successes in a row a level takes.
    @param words The card.
    @param level 0 to 10.
    @return uint256 The number.
    """
    return self._at(words[1], level)


@internal
@pure
def _min_rate_bps(words: uint256[4], level: uint256) -> uint256:
    """
    @dev Reads the rate of successes that a level takes.
    @param words The card.
    @param level 0 to 10.
    @return uint256 Basis points.
    """
    return self._at(words[2], level)


@internal
@pure
def _breadth_gain_bps(words: uint256[4]) -> uint256:
    """
    @dev Reads what endlessly many models would add.
    @param words The card.
    @return uint256 Basis points.
    """
    return words[3] & _U16


@internal
@pure
def _breadth_half(words: uint256[4]) -> uint256:
    """
    @dev Reads how many models beyond the first give half of the gain.
    @param words The card.
    @return uint256 The number.
    """
    return (words[3] >> _BREADTH_HALF) & _U16


@internal
@pure
def _max_models(words: uint256[4]) -> uint256:
    """
    @dev Reads how many models count.
    @param words The card.
    @return uint256 The number.
    """
    return (words[3] >> _MAX_MODELS) & _U16


@internal
@pure
def _cap_bps(words: uint256[4]) -> uint256:
    """
    @dev Reads the most of a budget that one operator can get.
    @param words The card.
    @return uint256 Basis points.
    """
    return (words[3] >> _CAP) & _U16


@internal
@pure
def _min_tasks(words: uint256[4]) -> uint256:
    """
    @dev Reads how many tasks a node needs to count.
    @param words The card.
    @return uint256 The number.
    """
    return (words[3] >> _MIN_TASKS) & _U32


@internal
@pure
def _min_uptime_bps(words: uint256[4]) -> uint256:
    """
    @dev Reads the presence a node needs to count.
    @param words The card.
    @return uint256 Basis points.
    """
    return (words[3] >> _MIN_UPTIME) & _U16


@internal
@pure
def _margin_bps(words: uint256[4]) -> uint256:
    """
    @dev Reads how far below its level's rate a node may fall and keep it.
    @param words The card.
    @return uint256 Basis points.
    """
    return (words[3] >> _MARGIN) & _U16


@internal
@pure
def _budget_cap_wei(words: uint256[4]) -> uint256:
    """
    @dev Reads the largest budget of an epoch.
    @param words The card.
    @return uint256 Wei of COR.
    """
    return words[3] >> _BUDGET_CAP


@internal
@pure
def _at(word: uint256, i: uint256) -> uint256:
    """
    @dev Reads an entry of a list.
    @param word The list's word.
    @param i Which, 0 to 10.
    @return uint256 The entry.
    """
    return (word >> (16 * i)) & _U16
