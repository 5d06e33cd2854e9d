# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Hashes of a receipt
@custom:contract-name receipt_hash
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The EIP-712 digest that a router signs, and the Merkle leaf that is
        anchored. The mirror: src/cortensor/receipts/typed.py.
@dev    snekmate's EIP-712 module is not used: its source has characters
        outside ASCII, which shift literals (CVE-2026-114114).
"""

from contracts.interfaces import ISessionPayment

_DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME_HASH: constant(bytes32) = keccak256("Cortensor SessionPayment")
_VERSION_HASH: constant(bytes32) = keccak256("1")
# One literal, since a constant's hash takes no expression.
_RECEIPT_TYPE: constant(bytes32) = keccak256(
    "Receipt(bytes32 receipt_id,uint256 session,uint16 version,uint32 surcharge_epoch,uint256 terms,uint256 usage,uint96 charge,bytes32 request_commitment,bytes32 subject,uint8 outcome,uint16 confidence_bps,uint64 issued_at)"
)


@internal
@view
def _digest(receipt: ISessionPayment.Receipt) -> bytes32:
    """
    @dev The EIP-712 digest, in the domain of this contract and chain.
    @param receipt The struct.
    @return bytes32 The digest.
    """
    struct_hash: bytes32 = keccak256(abi_encode(_RECEIPT_TYPE, receipt))
    domain: bytes32 = keccak256(abi_encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, chain.id, self))
    return keccak256(concat(x"1901", domain, struct_hash))


@internal
@pure
def _leaf(digest: bytes32, index: uint64, cumulative: uint96) -> bytes32:
    """
    @dev The anchored leaf; hashed twice, so that no inner node is a leaf.
    @param digest The receipt's digest.
    @param index Its place in its session, from 1.
    @param cumulative The session's total charge including it, in wei of COR.
    @return bytes32 The leaf.
    """
    return keccak256(keccak256(abi_encode(digest, index, cumulative)))
