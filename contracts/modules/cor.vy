# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title COR coming in and going out
@custom:contract-name cor
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Every way in which tokens enter or leave the escrow. The token is
        trusted to move what it says; a token that returns nothing is accepted,
        one that returns False is refused.
"""

from ethereum.ercs import IERC20


interface IAuthorization:
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
    ): nonpayable


# @dev Nobody has the key of it.
BURN_ADDRESS: constant(address) = 0x000000000000000000000000000000000000dEaD

TOKEN: public(immutable(address))


@deploy
def __init__(token: address, limit: uint256):
    """
    @dev Fixes the token.
    @param token An ERC-20.
    @param limit The largest supply that the caller's words can hold, in wei.
    """
    assert token.is_contract, "token: no code"
    assert staticcall IERC20(token).totalSupply() <= limit, "token: supply exceeds words"
    TOKEN = token


@internal
def _pull(amount: uint256):
    """
    @dev Takes COR from the sender.
    @param amount Wei of COR.
    """
    assert extcall IERC20(TOKEN).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "token: refused transfer"


@internal
def _push(to: address, amount: uint256):
    """
    @dev Pays COR.
    @param to Whom.
    @param amount Wei of COR.
    """
    assert extcall IERC20(TOKEN).transfer(
        to, amount, default_return_value=True
    ), "token: refused transfer"


@internal
def _permit(amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Uses the sender's EIP-2612 permit. Whether it succeeds is not looked
         at: somebody may have used it first, and then the allowance is there.
         Without one, the transfer that follows refuses.
    @param amount Wei of COR, as signed.
    @param deadline Unix seconds, as signed.
    @param v Of the signature.
    @param r Of the signature.
    @param s Of the signature.
    """
    is_done: bool = raw_call(
        TOKEN,
        abi_encode(
            msg.sender,
            self,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )


@internal
def _receive(
    owner: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @dev Takes COR by the owner's EIP-3009 authorization.
    @param owner Who signed it.
    @param amount Wei of COR, as signed.
    @param valid_after Unix seconds, as signed.
    @param valid_before Unix seconds, as signed.
    @param nonce As signed: what the money is for.
    @param v Of the signature.
    @param r Of the signature.
    @param s Of the signature.
    """
    # The transfer cannot be called by anyone but the payee, so nobody can use
    # the authorization without opening the session that it pays for.
    extcall IAuthorization(TOKEN).receiveWithAuthorization(
        owner, self, amount, valid_after, valid_before, nonce, v, r, s
    )
