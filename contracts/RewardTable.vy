# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Cards of rewards, and what they make of a node's facts
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The parameters of the reward formula, versioned, and the formula: what
        everybody can ask for free, and what a challenge of a root asks.
@dev    Cards: modules/reward_card.vy. Formula: lib/reward_formula.vy. A contract of
        its own since it does not fit into NodeReward.
@custom:security The owner publishes cards, within steps and after a delay. An epoch
                 pins the card in effect at its first second, so that none that
                 has begun changes. Holds no money.
@custom:kill Nothing to switch off: without a new card the last one stays.
@custom:invariants
        INV-Y1 A card never changes, nor which one is in effect at a moment that
        is past.
"""

from contracts.interfaces import IRewardCard
from contracts.modules import reward_card
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: IRewardCard
initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: reward_card[ownable := ownable]

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since cards could
    #      then never follow prices.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    reward_card.CARD_DELAY_SECONDS,
    reward_card.card,
    reward_card.card_effective_at,
    reward_card.card_version_at,
    reward_card.evaluate,
    reward_card.latest_card_version,
    reward_card.publish_card,
)


@deploy
def __init__(owner: address, delay_seconds: uint256, first_card: IRewardCard.RewardCard):
    """
    @notice Deploys the table with its first card, in effect at once.
    @param owner Publishes cards.
    @param delay_seconds How long a card waits before it takes effect.
    @param first_card Card number 1.
    """
    assert owner != empty(address), "rtable: zero owner"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    reward_card.__init__(delay_seconds, first_card)
