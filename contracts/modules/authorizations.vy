# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy off
"""
@title Transfers by signature (EIP-3009), for tokens
@custom:contract-name authorizations
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Checks and remembers authorizations; the token that uses this moves the
        money. It calls nobody but the precompile that recovers a signer, so it
        takes no lock.
@dev    snekmate's EIP-712 module is not used: its source has characters
        outside ASCII, which shift literals (CVE-2026-114114).
"""

from contracts.interfaces import IAuthorizations
from snekmate.utils import ecdsa

TRANSFER_TYPE: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_TYPE: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
_CANCEL_TYPE: constant(bytes32) = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)")
_DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_VERSION_HASH: constant(bytes32) = keccak256("1")

# @dev The hash of the name that the token signs under.
_NAME_HASH: immutable(bytes32)

# @dev authorizer -> nonce -> whether it was used or cancelled.
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])


@deploy
def __init__(name: String[32]):
    """
    @dev Fixes the signing domain; its version is "1".
    @param name The domain's name, usually the token's.
    """
    _NAME_HASH = keccak256(name)


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Makes an authorization unusable, by its owner's signature.
    @param authorizer Who signed both.
    @param nonce The authorization's.
    @param v Of the signature.
    @param r Of the signature.
    @param s Of the signature; the lower half only.
    """
    struct_hash: bytes32 = keccak256(abi_encode(_CANCEL_TYPE, authorizer, nonce))
    self._spend(authorizer, nonce, struct_hash, v, r, s)
    log IAuthorizations.AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@internal
def _use(
    type_hash: bytes32,
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
    """
    @dev Uses an authorization; the caller then moves the money.
    @param type_hash TRANSFER_TYPE, or RECEIVE_TYPE if the sender must be the
           payee.
    @param owner Who pays.
    @param to Whom.
    @param amount Wei.
    @param valid_after Unix seconds; valid from the next one.
    @param valid_before Unix seconds; no longer valid then.
    @param nonce The owner's.
    @param v Of the signature.
    @param r Of the signature.
    @param s Of the signature.
    """
    assert type_hash == TRANSFER_TYPE or msg.sender == to, "authorization: not the payee"
    assert block.timestamp > valid_after, "authorization: not yet valid"
    assert block.timestamp < valid_before, "authorization: expired"
    struct_hash: bytes32 = keccak256(
        abi_encode(type_hash, owner, to, amount, valid_after, valid_before, nonce)
    )
    self._spend(owner, nonce, struct_hash, v, r, s)
    log IAuthorizations.AuthorizationUsed(authorizer=owner, nonce=nonce)


@internal
def _spend(owner: address, nonce: bytes32, struct_hash: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @dev Checks the signature and spends the nonce.
    @param owner Who must have signed.
    @param nonce Its nonce, not yet spent.
    @param struct_hash What was signed.
    @param v Of the signature.
    @param r Of the signature.
    @param s Of the signature.
    """
    assert not self.authorizationState[owner][nonce], "authorization: used or cancelled"
    assert self._signer(struct_hash, v, r, s) == owner, "authorization: wrong signer"
    self.authorizationState[owner][nonce] = True


@internal
@view
def _signer(struct_hash: bytes32, v: uint8, r: bytes32, s: bytes32) -> address:
    """
    @dev Who signed a struct in the token's domain; never the zero address.
    @param struct_hash The struct's hash.
    @param v Of the signature.
    @param r Of the signature.
    @param s Of the signature; the lower half only.
    @return address The signer.
    """
    digest: bytes32 = keccak256(concat(x"1901", self._domain(), struct_hash))
    return ecdsa._recover_vrs(digest, convert(v, uint256), convert(r, uint256), convert(s, uint256))


@internal
@view
def _domain() -> bytes32:
    """
    @dev The token's EIP-712 domain separator on this chain; computed anew, so
         that a fork of the chain has another.
    @return bytes32 The separator.
    """
    return keccak256(abi_encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, chain.id, self))
