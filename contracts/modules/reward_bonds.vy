# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Bonds of those who post reward roots
@custom:contract-name reward_bonds
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A root that is overthrown costs its proposer BOND_WEI: half of it is
        burnt, half goes to who proved it wrong, so nobody gains by overthrowing
        a root of his own.
"""

from contracts.interfaces import IRewardBonds
from contracts.lib import epoch_words as words
from contracts.modules import cor
from contracts.modules import reward_credits

implements: IRewardBonds
uses: cor
uses: reward_credits

_WITHDRAWABLE: constant(uint256) = 96

BOND_WEI: public(immutable(uint256))
COOLDOWN_SECONDS: public(immutable(uint256))


# @dev proposer -> amount u96 | withdrawable_at u40.
_bonds: HashMap[address, uint256]


@deploy
def __init__(bond_wei: uint256, cooldown_seconds: uint256):
    """
    @dev Fixes what stands for a root, and for how long.
    @param bond_wei Wei of COR, uint96; not zero.
    @param cooldown_seconds How long a bond stays after it was asked back.
    """
    assert bond_wei != 0, "bond: zero bond"
    assert bond_wei <= words.U96, "bond: exceeds uint96"
    BOND_WEI = bond_wei
    COOLDOWN_SECONDS = cooldown_seconds


@external
def deposit_bond(amount: uint256):
    assert amount != 0, "bond: zero amount"
    held: uint256 = self._bonds[msg.sender] & words.U96
    # Only a token that made more of itself since deployment comes here.
    assert amount <= words.U96 - held, "bond: exceeds words"
    self._bonds[msg.sender] = held + amount
    log IRewardBonds.BondDeposited(proposer=msg.sender, amount=amount)
    cor._pull(amount)


@external
def request_bond():
    bond: uint256 = self._bonds[msg.sender]
    assert bond != 0, "bond: none"
    assert bond >> _WITHDRAWABLE == 0, "bond: already requested"
    withdrawable_at: uint256 = block.timestamp + COOLDOWN_SECONDS
    self._bonds[msg.sender] = bond | withdrawable_at << _WITHDRAWABLE
    log IRewardBonds.BondRequested(proposer=msg.sender, withdrawable_at=withdrawable_at)


@external
def withdraw_bond() -> uint256:
    bond: uint256 = self._bonds[msg.sender]
    withdrawable_at: uint256 = bond >> _WITHDRAWABLE
    assert withdrawable_at != 0, "bond: not requested"
    assert block.timestamp >= withdrawable_at, "bond: cooling down"
    amount: uint256 = bond & words.U96
    self._bonds[msg.sender] = 0
    log IRewardBonds.BondWithdrawn(proposer=msg.sender, amount=amount)
    cor._push(msg.sender, amount)
    return amount


@external
@view
def bond(proposer: address) -> (uint256, uint256):
    bond: uint256 = self._bonds[proposer]
    return (bond & words.U96, bond >> _WITHDRAWABLE)


@external
@view
def can_post(proposer: address) -> bool:
    return self._stands(proposer)


@internal
@view
def _stands(proposer: address) -> bool:
    """
    @dev Whether a bond is whole and was not asked back.
    @param proposer Whose.
    @return bool Whether it is.
    """
    bond: uint256 = self._bonds[proposer]
    return bond >> _WITHDRAWABLE == 0 and bond >= BOND_WEI


@internal
def _slash(proposer: address, to: address) -> uint256:
    """
    @dev Takes the bond that stood for a root: half is burnt. What the token refuses to
         pay is credited.
    @param proposer Whose.
    @param to Who gets the other half.
    @return uint256 Wei of COR taken; less than BOND_WEI only where the proposer
            could take it back, which no root that can be challenged allows.
    """
    bond: uint256 = self._bonds[proposer]
    taken: uint256 = min(bond & words.U96, BOND_WEI)
    # What is left keeps its time; nothing left is nothing to wait for.
    self._bonds[proposer] = 0 if taken == bond & words.U96 else bond - taken
    # Rounds down; the burnt half takes the odd wei.
    reward: uint256 = taken // 2
    log IRewardBonds.BondSlashed(proposer=proposer, to=to, taken=taken, burnt=taken - reward)
    # Whom the token refuses stops no proof and no veto.
    reward_credits._send(convert(cor.BURN_ADDRESS, uint256), taken - reward)
    reward_credits._send(convert(to, uint256), reward)
    return taken
