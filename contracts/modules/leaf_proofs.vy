# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What is believed of a leaf
@custom:contract-name leaf_proofs
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A leaf counts against a router if its settler of the time anchored it.
        Whether the receipt was revoked is never looked at.
@dev    Settlers are replaced because keys leak, so what a key does afterwards
        must not bind the router. An anchor has a time on chain. A signature has
        none, so that of a retired settler counts for a while only: against
        leaves that were anchored soon after, in proofs that come in time.
"""

from contracts.interfaces import IReceiptAnchor
from contracts.interfaces import IRouters
from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISettlementDispute
from snekmate.utils import ecdsa


interface IParts:
    def ANCHOR() -> address: view


# @dev What `settles_until` says of the settler of now.
_STILL: constant(uint256) = max_value(uint256)

PAYMENT: public(immutable(address))
ANCHOR: immutable(address)
_LATE_SECONDS: immutable(uint256)
_PROOF_SECONDS: immutable(uint256)


@deploy
def __init__(payment: address, late_seconds: uint256, proof_seconds: uint256):
    """
    @dev Fixes whose leaves are looked at, and how long a word outlasts its key.
    @param payment SessionPayment.
    @param late_seconds How long after a settler was replaced a leaf may be
           anchored that what it signed still counts against.
    @param proof_seconds How long after that it can be proven.
    """
    PAYMENT = payment
    ANCHOR = staticcall IParts(payment).ANCHOR()
    _LATE_SECONDS = late_seconds
    _PROOF_SECONDS = proof_seconds


@internal
@view
def _believed(leaf: ISettlementDispute.Leaf) -> (bytes32, bytes32):
    """
    @dev Refuses a leaf that counts against nobody.
    @param leaf The leaf.
    @return bytes32 The digest of its receipt.
    @return bytes32 Its hash.
    """
    until: uint256 = self._settles_until(leaf.receipt.session, leaf.anchorer)
    assert until != 0, "leaf: not a settler's"
    digest: bytes32 = staticcall ISessionPayment(PAYMENT).hash_receipt(leaf.receipt)
    hashed: bytes32 = staticcall ISessionPayment(PAYMENT).leaf_of(
        digest, leaf.index, leaf.cumulative
    )
    assert staticcall IReceiptAnchor(ANCHOR).is_anchored(
        leaf.anchorer, hashed, leaf.proof, leaf.root
    ), "leaf: not anchored"
    if until != _STILL:
        # To the second in which it was replaced: it may have settled before.
        self._check_anchored_by(leaf, until)
    return digest, hashed


@internal
@view
def _check_anchored_by(leaf: ISettlementDispute.Leaf, moment: uint256):
    """
    @dev Refuses a leaf whose root came later.
    @param leaf The leaf.
    @param moment Unix seconds.
    """
    anchored_at: uint256 = 0
    count: uint256 = 0
    number: uint256 = 0
    anchored_at, count, number = staticcall IReceiptAnchor(ANCHOR).batch(leaf.anchorer, leaf.root)
    assert anchored_at <= moment, "leaf: anchored too late"


@internal
@view
def _settles_until(session: uint256, account: address) -> uint256:
    """
    @dev Until when an account was the settler of a session's router.
    @param session The session.
    @param account The account.
    @return uint256 Unix seconds; _STILL for who is it now, 0 for who never was.
    """
    return staticcall IRouters(PAYMENT).settles_until(session >> 128, account)


@internal
@view
def _check_signed(session: uint256, digest: bytes32, signature: Bytes[65]) -> uint256:
    """
    @dev Refuses what no settler of a session's router signed.
    @param session The session.
    @param digest What was signed.
    @param signature The settler's; a failed recovery gives the zero address,
           which never is a settler.
    @return uint256 Until when the signer was the settler.
    """
    signer: address = ecdsa._recover_sig(digest, signature)
    until: uint256 = self._settles_until(session, signer)
    assert until != 0, "leaf: not signed by a settler"
    return until


@internal
@view
def _check_word(leaf: ISettlementDispute.Leaf, digest: bytes32, signature: Bytes[65]):
    """
    @dev Refuses a signature that does not count against a leaf.
    @param leaf The leaf.
    @param digest What was signed.
    @param signature The settler's.
    """
    until: uint256 = self._check_signed(leaf.receipt.session, digest, signature)
    if until == _STILL:
        return
    # Whoever has the old key can still sign, and date it as he likes.
    self._check_anchored_by(leaf, until + _LATE_SECONDS)
    assert block.timestamp <= until + _LATE_SECONDS + _PROOF_SECONDS, "leaf: signer is retired"


@internal
@view
def _check_requested(
    key: address, receipt: ISessionPayment.Receipt, max_charge: uint96, signature: Bytes[65]
):
    """
    @dev Refuses a charge that no session key asked for.
    @param key The session's key; not zero.
    @param receipt The receipt.
    @param max_charge The most the request allowed, in wei of COR.
    @param signature The key's over session, request commitment and max_charge.
    """
    assert receipt.charge <= max_charge, "leaf: charge beyond request"
    digest: bytes32 = staticcall ISessionPayment(PAYMENT).hash_request(
        receipt.session, receipt.request_commitment, max_charge
    )
    assert ecdsa._recover_sig(digest, signature) == key, "leaf: not requested by the key"
