# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title A token that takes a fee on transfer
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice An ERC-20 whose transfers deliver less than they say, once a fee is
        set. The fee is burnt. For tests.
@custom:kill A test double; nothing to switch off.
"""


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


_ONE_BPS: constant(uint256) = 10_000

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

# @dev What a transfer loses, in basis points.
fee_bps: public(uint256)


@deploy
def __init__(supply: uint256):
    """
    @notice Deploys the token, without a fee at first.
    @param supply Wei, all to the deployer.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply


@external
def set_fee(fee_bps: uint256):
    """
    @notice Sets what every transfer loses from now on.
    @param fee_bps Basis points.
    """
    self.fee_bps = fee_bps


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Lets a spender take from the sender.
    @param spender Who may take.
    @param amount Wei.
    @return bool True.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Pays from the sender.
    @param to Whom.
    @param amount Wei that leave the sender.
    @return bool True.
    """
    self._move(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Takes from an owner who allowed it.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei that leave the owner.
    @return bool True.
    """
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, to, amount)
    return True


@internal
def _move(owner: address, to: address, amount: uint256):
    """
    @dev Moves a balance, less the fee.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei that leave the owner.
    """
    # Rounded up: a fee token never delivers all.
    fee: uint256 = (amount * self.fee_bps + _ONE_BPS - 1) // _ONE_BPS
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - fee
    self.totalSupply -= fee
    log Transfer(sender=owner, receiver=to, value=amount - fee)
    log Transfer(sender=owner, receiver=empty(address), value=fee)
