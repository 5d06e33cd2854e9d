# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy off
"""
@title COR for local chains and tests
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A plain ERC-20 with permit (EIP-2612) and transfers by signature
        (EIP-3009), 18 decimals, where anybody who deploys it gets the whole
        supply. Real networks use the live token.
@custom:kill A test double; nothing to switch off.
"""

from contracts.interfaces import IAuthorizations
from contracts.modules import authorizations
from ethereum.ercs import IERC20
from snekmate.auth import ownable
from snekmate.tokens import erc20

implements: IERC20
implements: IAuthorizations
initializes: ownable
initializes: erc20[ownable := ownable]
initializes: authorizations

exports: (
    # @dev ERC-20, its metadata, and permit; minting and roles are withheld.
    erc20.balanceOf,
    erc20.allowance,
    erc20.totalSupply,
    erc20.transfer,
    erc20.transferFrom,
    erc20.approve,
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.permit,
    erc20.nonces,
    erc20.DOMAIN_SEPARATOR,
    erc20.eip712Domain,
    authorizations.authorizationState,
    authorizations.cancelAuthorization,
)


@deploy
def __init__(supply: uint256):
    """
    @notice Deploys the token.
    @param supply Wei of COR, all to the deployer.
    """
    ownable.__init__()
    erc20.__init__("Cortensor", "COR", 18, "Cortensor", "1")
    erc20._mint(msg.sender, supply)
    # The same domain as the permit's.
    authorizations.__init__("Cortensor")


@external
def transferWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    authorizations._use(
        authorizations.TRANSFER_TYPE,
        owner,
        to,
        amount,
        valid_after,
        valid_before,
        nonce,
        v,
        r,
        s,
    )
    erc20._transfer(owner, to, amount)


@external
def receiveWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    authorizations._use(
        authorizations.RECEIVE_TYPE,
        owner,
        to,
        amount,
        valid_after,
        valid_before,
        nonce,
        v,
        r,
        s,
    )
    erc20._transfer(owner, to, amount)
