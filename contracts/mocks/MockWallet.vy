# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title A contract wallet
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Signs by ERC-1271 with its owner's key, calls what its owner wants, and,
        told to, calls a contract back while a signature is checked or coin
        comes in. For tests.
@custom:kill A test double; nothing to switch off.
"""

_MAGIC: constant(bytes4) = 0x1626ba7e
_REFUSED: constant(bytes4) = 0xffffffff

# @dev Whose signatures are the wallet's, and who may use it.
owner: public(address)

# @dev Whom to call back; nobody if zero.
target: public(address)

# @dev What to call it with.
payload: public(Bytes[4096])

# @dev How many calls back were made when coin came in, and how many of them did not revert.
attempts: public(uint256)
successes: public(uint256)


@deploy
@payable
def __init__(owner: address):
    """
    @notice Deploys the wallet.
    @param owner Its first owner.
    """
    self.owner = owner


@external
@payable
def __default__():
    """
    @notice Takes coin, then calls back if told to.
    """
    if self.target != empty(address):
        self.attempts += 1
        is_success: bool = raw_call(self.target, self.payload, revert_on_failure=False)
        if is_success:
            self.successes += 1


@external
def rotate(owner: address):
    """
    @notice Replaces the owner; older signatures are the wallet's no longer.
    @param owner The new one.
    """
    assert msg.sender == self.owner, "wallet: caller is not the owner"
    self.owner = owner


@external
def call_back(target: address, payload: Bytes[4096]):
    """
    @notice Sets the call made while a signature is checked or coin comes in.
    @param target Whom to call; zero for nobody.
    @param payload The calldata.
    """
    assert msg.sender == self.owner, "wallet: caller is not the owner"
    self.target = target
    self.payload = payload


@external
@payable
def execute(target: address, data: Bytes[32768], amount: uint256 = 0) -> Bytes[1024]:
    """
    @notice Calls a contract as the wallet; a refusal passes through.
    @param target Whom to call.
    @param data The calldata.
    @param amount Wei of coin to send along.
    @return Bytes[1024] What it returned.
    """
    assert msg.sender == self.owner, "wallet: caller is not the owner"
    return raw_call(target, data, max_outsize=1024, value=amount)


@external
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    """
    @notice Whether a signature is the wallet's. With a call back set, it is
            only if that call is refused: a way back in shows as a signature
            that does not hold.
    @param digest What was signed.
    @param signature The owner's, 65 bytes: r, s, v.
    @return bytes4 The function's own selector if it is.
    """
    if self.target != empty(address):
        is_success: bool = raw_call(self.target, self.payload, revert_on_failure=False)
        if is_success:
            return _REFUSED
    if len(signature) != 65:
        return _REFUSED
    signer: address = ecrecover(
        digest,
        convert(slice(signature, 64, 1), uint256),
        convert(slice(signature, 0, 32), uint256),
        convert(slice(signature, 32, 32), uint256),
    )
    if signer == empty(address) or signer != self.owner:
        return _REFUSED
    return _MAGIC
