# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title What a node's work is worth, and its next level
@custom:contract-name reward_formula
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Score, amount and level from a leaf's words and a reward card, in
        integers. The formula and its reasons: docs/spec/reward-formula.md. The
        bit-exact mirror: src/cortensor/rewards/formula.py.
@dev    Every function but `_amount` takes words that `reward_words._is_valid`
        accepts, and a card that modules/reward_card.vy published.
"""

from contracts.lib import reward_card_words as cards
from contracts.lib import reward_words as words

_BPS: constant(uint256) = 10_000


struct Outcome:
    is_valid: bool  # the rest is 0 if not
    score: uint256
    amount: uint256  # wei of COR
    level_after: uint256


@internal
@pure
def _evaluate(
    card: uint256[4], facts: uint256, tally: uint256, budget: uint256, total_score: uint256
) -> Outcome:
    """
    @dev All that a leaf must say, from its facts and tally.
    @param card The card's words.
    @param facts The facts.
    @param tally The tally.
    @param budget The epoch's, in wei of COR, uint96.
    @param total_score The score of all leaves, uint128.
    @return Outcome What the leaf must say.
    """
    if not words._is_valid(facts, tally):
        return empty(Outcome)
    score: uint256 = self._score(card, facts, tally)
    return Outcome(
        is_valid=True,
        score=score,
        amount=self._amount(card, budget, score, words._operator_score(tally), total_score),
        level_after=self._next_level(card, facts),
    )


@internal
@pure
def _breadth_bps(card: uint256[4], models: uint256) -> uint256:
    """
    @dev What serving more than one model multiplies by. Concave: each further
         model adds less than the one before. Rounds down.
    @param card The card's words.
    @param models Distinct models, as the receipts show.
    @return uint256 Basis points, from 10,000.
    """
    more: uint256 = min(max(models, 1), cards._max_models(card)) - 1
    return _BPS + cards._breadth_gain_bps(card) * more // (more + cards._breadth_half(card))


@internal
@pure
def _score(card: uint256[4], facts: uint256, tally: uint256) -> uint256:
    """
    @dev The work, weighed. Linear in the work, so that nobody gains by
         splitting a node or merging two. Rounds down, once.
    @param card The card's words.
    @param facts The facts.
    @param tally The tally.
    @return uint256 The score, below 2**103.
    """
    f: words.Facts = words._facts(facts)
    if not self._counts(card, f):
        return 0
    # Below 2**96 * 2**16 * 10,000**4 * 20,000, which is below 2**180.
    product: uint256 = (
        words._work(tally)
        * cards._level_bps(card, f.level_before)
        * f.agreement_bps
        * f.consistency_bps
        * f.answered_bps
        * self._breadth_bps(card, f.models)
        * f.uptime_bps
    )
    return product // _BPS**6


@internal
@pure
def _amount(
    card: uint256[4],
    budget: uint256,
    score: uint256,
    operator_score: uint256,
    total_score: uint256,
) -> uint256:
    """
    @dev A leaf's part of the budget. All leaves of an operator get at most
         cap_bps of the budget, and all operators at most the budget: what the
         cap withholds goes to nobody. Rounds down.
    @param card The card's words.
    @param budget The epoch's, in wei of COR, uint96.
    @param score The leaf's score, uint128.
    @param operator_score The score of the operator's leaves, uint128.
    @param total_score The score of all leaves, uint128.
    @return uint256 Wei of COR; 0 where nobody has a score.
    """
    if total_score == 0:
        return 0
    cap_bps: uint256 = cards._cap_bps(card)
    # Rounded up, so that the cap is never passed by a wei.
    capped: uint256 = (operator_score * _BPS + cap_bps - 1) // cap_bps
    return budget * score // max(total_score, capped)


@internal
@pure
def _next_level(card: uint256[4], facts: uint256) -> uint256:
    """
    @dev The level after the epoch: one up, one down or the same. Who falls has
         missed its level's rate by more than the margin, so that a node at the
         edge does not go up and down each epoch.
    @param card The card's words.
    @param facts The facts.
    @return uint256 0 to 10.
    """
    f: words.Facts = words._facts(facts)
    level: uint256 = f.level_before
    is_busy: bool = f.tasks >= cards._min_tasks(card)
    is_present: bool = f.uptime_bps >= cards._min_uptime_bps(card)
    if level < words.MAX_LEVEL and is_busy and is_present:
        if f.streak_after >= cards._min_streak(
            card, level + 1
        ) and f.rate_bps >= cards._min_rate_bps(card, level + 1):
            return level + 1
    if level == 0:
        return 0
    is_below: bool = f.rate_bps + cards._margin_bps(card) < cards._min_rate_bps(card, level)
    if not is_present or (is_busy and is_below):
        return level - 1
    return level


@internal
@pure
def _counts(card: uint256[4], f: words.Facts) -> bool:
    """
    @dev Whether a node was there enough to be paid.
    @param card The card's words.
    @param f The facts.
    @return bool Whether it was staked, busy and present.
    """
    return (
        f.flags & words.IS_STAKED != 0
        and f.tasks >= cards._min_tasks(card)
        and f.uptime_bps >= cards._min_uptime_bps(card)
    )
