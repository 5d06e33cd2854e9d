# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title A token that does not pay everybody
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice An ERC-20 that pays some receivers as others do, some not, in one of the
        ways in which tokens refuse. For tests.
@custom:kill A test double; nothing to switch off.
"""


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


REVERTS: constant(uint256) = 1
SAYS_FALSE: constant(uint256) = 2
BURNS_GAS: constant(uint256) = 3

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

# @dev receiver -> how transfers to it go; 0 for well.
ways: public(HashMap[address, uint256])


@deploy
def __init__(supply: uint256):
    """
    @notice Deploys the token.
    @param supply Wei, all to the deployer.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply


@external
def set_way(receiver: address, way: uint256):
    """
    @notice Says how transfers to a receiver go.
    @param receiver The receiver.
    @param way 0 well, 1 revert, 2 return False, 3 use up all gas.
    """
    self.ways[receiver] = way


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Lets somebody take.
    @param spender Who.
    @param amount Wei.
    @return bool True.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Takes.
    @param owner From whom.
    @param receiver To whom.
    @param amount Wei.
    @return bool True.
    """
    self.allowance[owner][msg.sender] -= amount
    self._move(owner, receiver, amount)
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Pays, or not.
    @param receiver To whom.
    @param amount Wei.
    @return bool Whether it did.
    """
    way: uint256 = self.ways[receiver]
    assert way != REVERTS, "mock: blocked"
    # An invalid instruction takes all gas that the call brought.
    assert way != BURNS_GAS, UNREACHABLE
    if way == SAYS_FALSE:
        return False
    self._move(msg.sender, receiver, amount)
    return True


@internal
def _move(owner: address, receiver: address, amount: uint256):
    self.balanceOf[owner] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=owner, receiver=receiver, value=amount)
