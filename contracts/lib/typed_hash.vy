# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Hashes of what is signed and anchored
@custom:contract-name typed_hash
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice The EIP-712 digests that a router signs for a receipt, a session key for
        a request and for a voucher, and a payer for a session, all in the
        domain of SessionPayment; and the Merkle leaf that is anchored. The
        mirror: src/cortensor/receipts/typed.py.
@dev    snekmate's EIP-712 module is not used: its source has characters
        outside ASCII, which shift literals (CVE-2026-114114).
"""

from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISessions

_DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME_HASH: constant(bytes32) = keccak256("Cortensor SessionPayment")
_VERSION_HASH: constant(bytes32) = keccak256("1")
# One literal each, since a constant's hash takes no expression.
_RECEIPT_TYPE: constant(bytes32) = keccak256(
    "Receipt(bytes32 receipt_id,uint256 session,uint16 version,uint32 surcharge_epoch,uint256 terms,uint256 usage,uint96 charge,bytes32 request_commitment,bytes32 subject,uint8 outcome,uint16 confidence_bps,uint64 issued_at)"
)
_OPEN_TYPE: constant(bytes32) = keccak256(
    "Open(address payer,uint32 router_id,uint16 version,uint8 volume_tier,uint8 funding,uint16 surcharge_cap_bps,uint64 task_cap_gwei,uint40 expiry,address session_key,uint256 terms,bytes32 salt,uint96 amount)"
)
_REQUEST_TYPE: constant(bytes32) = keccak256(
    "Request(uint256 session,bytes32 request_commitment,uint96 max_charge)"
)
VOUCHER_TYPE: constant(bytes32) = keccak256("Voucher(uint256 session,uint96 cumulative)")
# @dev What a typed digest hashes is this word, the domain and the struct's hash
#      from byte PREFIX_ZEROS on: EIP-712's 0x1901 before them, without a copy of
#      each that `concat` makes.
PREFIX: constant(uint256) = 6401  # 0x1901
PREFIX_ZEROS: constant(uint256) = 30
TYPED_BYTES: constant(uint256) = 66


@internal
@view
def _domain() -> bytes32:
    """
    @dev The EIP-712 domain separator of this contract on this chain; computed
         anew, so that a fork of the chain has another.
    @return bytes32 The separator.
    """
    return keccak256(abi_encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, chain.id, self))


@internal
@pure
def _typed(domain: bytes32, struct_hash: bytes32) -> bytes32:
    """
    @dev What is signed for a struct in a domain.
    @param domain The separator.
    @param struct_hash The struct's hash.
    @return bytes32 The digest.
    """
    return keccak256(slice(abi_encode(PREFIX, domain, struct_hash), PREFIX_ZEROS, TYPED_BYTES))


@internal
@view
def _receipt(receipt: ISessionPayment.Receipt) -> bytes32:
    """
    @dev What a router signs for a receipt.
    @param receipt The struct.
    @return bytes32 The digest.
    """
    return self._typed(self._domain(), keccak256(abi_encode(_RECEIPT_TYPE, receipt)))


@internal
@view
def _receipt_at(payment: address, receipt: ISessionPayment.Receipt) -> bytes32:
    """
    @dev What a router signs for a receipt, as another contract computes it.
    @param payment SessionPayment, in whose domain it is signed.
    @param receipt The struct.
    @return bytes32 The digest.
    """
    domain: bytes32 = keccak256(
        abi_encode(_DOMAIN_TYPE, _NAME_HASH, _VERSION_HASH, chain.id, payment)
    )
    return self._typed(domain, keccak256(abi_encode(_RECEIPT_TYPE, receipt)))


@internal
@view
def _open(payer: address, request: ISessions.OpenRequest) -> bytes32:
    """
    @dev What a payer signs to have a session opened in its name.
    @param payer The payer.
    @param request The session's terms.
    @return bytes32 The digest.
    """
    return self._typed(self._domain(), keccak256(abi_encode(_OPEN_TYPE, payer, request)))


@internal
@view
def _request(session: uint256, commitment: bytes32, max_charge: uint96) -> bytes32:
    """
    @dev What a session key signs for a request.
    @param session The session.
    @param commitment The request's salted commitment.
    @param max_charge The most it may cost, in wei of COR.
    @return bytes32 The digest.
    """
    return self._typed(
        self._domain(), keccak256(abi_encode(_REQUEST_TYPE, session, commitment, max_charge))
    )


@internal
@pure
def _voucher(domain: bytes32, session: uint256, cumulative: uint256) -> bytes32:
    """
    @dev What a session key signs for a running total.
    @param domain The separator; a batch computes it once.
    @param session The session.
    @param cumulative The total, in wei of COR.
    @return bytes32 The digest.
    """
    return self._typed(domain, keccak256(abi_encode(VOUCHER_TYPE, session, cumulative)))


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
