# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Fund of node rewards
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Money for nodes waits here until a reward epoch draws it: what
        SessionPayment's node pot pays, grants, and what epochs did not allot.
@dev    The token balance is the free money; there is no second count of it.
@custom:security NodeReward, which BINDER names once, is trusted with all of it:
                 it draws at most a card's budget an epoch. Nobody else can move
                 a wei, BINDER neither, before or after. Until it is named
                 whoever pays in trusts BINDER to name the right one: so grants
                 are refused until then, and the node pot should be paid here
                 only afterwards.
@custom:kill Nothing to switch off: name another recipient of the node pot. What
             is here then still goes to nodes by the epochs of NodeReward, which
             anybody can open.
@custom:invariants
        INV-F1 Tokens leave only to NodeReward, by its own draw, and a draw takes
        what was asked or all there is, whichever is less.
        INV-F2 NodeReward is named once and never changes; before it is, nothing
        leaves and no grant comes in.
        INV-F3 What came in and was not drawn is the balance: no wei is lost or
        counted twice.
"""

from contracts.interfaces import IRewardFund
from contracts.modules import cor
from ethereum.ercs import IERC20

implements: IRewardFund
initializes: cor

exports: (
    # @dev So that NodeReward can check that both speak of one token.
    cor.TOKEN,
)


interface IFunded:
    def FUND() -> address: view


_U96: constant(uint256) = 2**96 - 1

BINDER: public(immutable(address))


# @dev NodeReward; zero until BINDER names it.
reward: public(address)


@deploy
def __init__(binder: address, token: address):
    """
    @notice Deploys the fund; nobody can draw yet.
    @param binder Who names NodeReward, once; that is all it ever may.
    @param token COR: an ERC-20 of at most 2**96 - 1 wei in all.
    """
    assert binder != empty(address), "fund: zero binder"
    cor.__init__(token, _U96)
    BINDER = binder


@external
def bind(reward: address):
    assert msg.sender == BINDER, "fund: caller is not binder"
    assert self.reward == empty(address), "fund: already bound"
    assert reward.is_contract, "fund: reward has no code"
    # One that draws from another fund would leave this one's money for ever.
    assert staticcall IFunded(reward).FUND() == self, "fund: reward has another fund"
    self.reward = reward
    log IRewardFund.Bound(reward=reward)


@external
def grant(amount: uint256):
    assert self.reward != empty(address), "fund: not bound"
    assert amount != 0, "fund: zero amount"
    log IRewardFund.Granted(giver=msg.sender, amount=amount)
    cor._pull(amount)


@external
def draw(most: uint256) -> uint256:
    # Not NodeReward, either, where nobody is: no call comes from address zero.
    assert msg.sender == self.reward, "fund: caller is not reward"
    amount: uint256 = min(most, staticcall IERC20(cor.TOKEN).balanceOf(self))
    log IRewardFund.Drawn(reward=msg.sender, amount=amount)
    if amount != 0:
        cor._push(msg.sender, amount)
    return amount
