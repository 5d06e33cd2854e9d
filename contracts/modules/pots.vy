# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Pots: money on its way to nodes, validators and the treasury
@custom:contract-name pots
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What matured waits in three pots until anyone has it paid to the
        recipient that the owner named.
"""

from contracts.interfaces import IPots
from contracts.interfaces import IStakeQuota
from contracts.modules import cor
from snekmate.auth import ownable

implements: IPots
uses: cor
uses: ownable

NODES: constant(uint256) = 0
VALIDATORS: constant(uint256) = 1
TREASURY: constant(uint256) = 2

QUOTA: public(immutable(address))


# @dev Wei in each pot: nodes, validators, treasury.
_pots: uint256[3]

# @dev Whom each pot is paid to.
_recipients: address[3]


@deploy
def __init__(quota: address):
    """
    @dev Pots are empty and have no recipients.
    @param quota The stake quota, which sends what stake sessions paid.
    """
    assert quota.is_contract, "pot: quota has no code"
    QUOTA = quota


@external
def pay_pot(pot: uint256) -> uint256:
    assert pot < 3, "pot: unknown"
    recipient: address = self._recipients[pot]
    assert recipient != empty(address), "pot: has no recipient"
    amount: uint256 = self._pots[pot]
    assert amount != 0, "pot: is empty"
    self._pots[pot] = 0
    # INV-P1: what stake sessions paid must be here before any of it goes, or
    # other payers' deposits would go in its place.
    self._sweep()
    log IPots.PotPaid(pot=pot, recipient=recipient, amount=amount)
    cor._push(recipient, amount)
    return amount


@external
def set_pot_recipient(pot: uint256, recipient: address):
    ownable._check_owner()
    assert pot < 3, "pot: unknown"
    assert recipient != empty(address), "pot: zero recipient"
    log IPots.PotRecipientSet(pot=pot, old_recipient=self._recipients[pot], new_recipient=recipient)
    self._recipients[pot] = recipient


@external
@view
def pot(pot: uint256) -> (uint256, address):
    assert pot < 3, "pot: unknown"
    return (self._pots[pot], self._recipients[pot])


@internal
def _sweep():
    """
    @dev Has the stake quota send what it owes.
    """
    swept: uint256 = extcall IStakeQuota(QUOTA).sweep()


@internal
def _add(node_amount: uint256, validator_amount: uint256, treasury_amount: uint256):
    """
    @dev Fills the pots.
    @param node_amount Wei of COR.
    @param validator_amount Wei of COR.
    @param treasury_amount Wei of COR.
    """
    self._pots[NODES] += node_amount
    self._pots[VALIDATORS] += validator_amount
    self._pots[TREASURY] += treasury_amount
