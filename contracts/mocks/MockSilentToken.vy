# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title A token that returns nothing
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Moves balances like an ERC-20, but `transfer` and `transferFrom` return
        no value, as some old tokens do. For tests.
@custom:kill A test double; nothing to switch off.
"""


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(supply: uint256):
    """
    @notice Deploys the token.
    @param supply Wei, all to the deployer.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply


@external
def approve(spender: address, amount: uint256):
    """
    @notice Lets a spender take from the sender.
    @param spender Who may take.
    @param amount Wei.
    """
    self.allowance[msg.sender][spender] = amount


@external
def transfer(to: address, amount: uint256):
    """
    @notice Pays from the sender.
    @param to Whom.
    @param amount Wei.
    """
    self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256):
    """
    @notice Takes from an owner who allowed it.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei.
    """
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256):
    """
    @dev Moves a balance; a balance too small reverts.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei.
    """
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    log Transfer(sender=owner, receiver=to, value=amount)
