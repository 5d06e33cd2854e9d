# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title A contract that holds agents
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Takes ERC-721 tokens or not, as told, and, told to, calls a contract
        while it does. For tests.
@custom:kill A test double; nothing to switch off.
"""

_TAKEN: constant(bytes4) = 0x150b7a02

# @dev What to answer when a token comes in.
answer: public(bytes4)

# @dev Why to refuse a token; empty to answer.
reason: public(String[32])

# @dev Whom to call when a token comes in; nobody if zero.
target: public(address)

# @dev What to call it with.
payload: public(Bytes[4096])

# @dev What the last call brought.
operator: public(address)
sender: public(address)
token_id: public(uint256)
data: public(Bytes[1024])


@deploy
def __init__():
    self.answer = _TAKEN


@external
def behave(answer: bytes4, reason: String[32] = ""):
    """
    @notice Sets what is said to a token that comes in.
    @param answer The answer; 0x150b7a02 takes it.
    @param reason Why it is refused; empty to answer.
    """
    self.answer = answer
    self.reason = reason


@external
def call_back(target: address, payload: Bytes[4096]):
    """
    @notice Sets the call made when a token comes in.
    @param target Whom to call; zero for nobody.
    @param payload The calldata.
    """
    self.target = target
    self.payload = payload


@external
def execute(target: address, data: Bytes[32768]) -> Bytes[1024]:
    """
    @notice Calls a contract as the holder; a refusal passes through.
    @param target Whom to call.
    @param data The calldata.
    @return Bytes[1024] What it returned.
    """
    return raw_call(target, data, max_outsize=1024)


@external
def onERC721Received(
    operator: address, sender: address, token_id: uint256, data: Bytes[1024]
) -> bytes4:
    """
    @notice Takes a token, or not.
    @param operator Who moved it.
    @param sender Who had it.
    @param token_id The token.
    @param data What the mover adds.
    @return bytes4 The answer as told.
    """
    assert len(self.reason) == 0, self.reason
    self.operator = operator
    self.sender = sender
    self.token_id = token_id
    self.data = data
    if self.target != empty(address):
        raw_call(self.target, self.payload)
    return self.answer
