# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title A token that refuses, or calls back
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice An ERC-20 that returns False when told to, or calls a contract back in
        the middle of a transfer, and remembers how that went. For tests.
@custom:kill A test double; nothing to switch off.
"""


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

# @dev Whether transfers return False and move nothing.
is_refusing: public(bool)

# @dev Whom a transfer calls back; nobody if zero.
target: public(address)

# @dev What it calls with.
payload: public(Bytes[2048])

# @dev How many calls back were made, and how many of them did not revert.
attempts: public(uint256)
successes: public(uint256)


@deploy
def __init__(supply: uint256):
    """
    @notice Deploys the token.
    @param supply Wei, all to the deployer.
    """
    self.totalSupply = supply
    self.balanceOf[msg.sender] = supply


@external
def refuse(is_refusing: bool):
    """
    @notice Makes every transfer return False, or not.
    @param is_refusing Whether to refuse.
    """
    self.is_refusing = is_refusing


@external
def call_back(target: address, payload: Bytes[2048]):
    """
    @notice Sets the call that every transfer makes.
    @param target Whom to call; zero for nobody.
    @param payload The calldata.
    """
    self.target = target
    self.payload = payload


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
    @param amount Wei.
    @return bool False if it refused.
    """
    return self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Takes from an owner who allowed it.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei.
    @return bool False if it refused.
    """
    if not self.is_refusing:
        self.allowance[owner][msg.sender] -= amount
    return self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    """
    @dev Moves a balance, then calls back.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei.
    @return bool False if it refused.
    """
    if self.is_refusing:
        return False
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    log Transfer(sender=owner, receiver=to, value=amount)
    if self.target != empty(address):
        self.attempts += 1
        is_success: bool = raw_call(self.target, self.payload, revert_on_failure=False)
        if is_success:
            self.successes += 1
    return True
