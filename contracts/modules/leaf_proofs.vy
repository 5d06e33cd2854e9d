# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What is believed of a leaf
@custom:contract-name leaf_proofs
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A leaf counts against a router if an account that is or ever was its
        settler anchored it. Whether the receipt was revoked is never looked at.
"""

from contracts.interfaces import IReceiptAnchor
from contracts.interfaces import IRouters
from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISettlementDispute
from snekmate.utils import ecdsa


interface IParts:
    def ANCHOR() -> address: view


PAYMENT: public(immutable(address))
ANCHOR: immutable(address)


@deploy
def __init__(payment: address):
    """
    @dev Fixes whose leaves are looked at.
    @param payment SessionPayment.
    """
    PAYMENT = payment
    ANCHOR = staticcall IParts(payment).ANCHOR()


@internal
@view
def _believed(leaf: ISettlementDispute.Leaf) -> (bytes32, bytes32):
    """
    @dev Refuses a leaf that counts against nobody.
    @param leaf The leaf.
    @return bytes32 The digest of its receipt.
    @return bytes32 Its hash.
    """
    assert self._is_settler(leaf.receipt.session, leaf.anchorer), "leaf: not a settler's"
    digest: bytes32 = staticcall ISessionPayment(PAYMENT).hash_receipt(leaf.receipt)
    hashed: bytes32 = staticcall ISessionPayment(PAYMENT).leaf_of(
        digest, leaf.index, leaf.cumulative
    )
    assert staticcall IReceiptAnchor(ANCHOR).is_anchored(
        leaf.anchorer, hashed, leaf.proof, leaf.root
    ), "leaf: not anchored"
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
def _is_settler(session: uint256, account: address) -> bool:
    """
    @dev Whether an account is or was the settler of a session's router.
    @param session The session.
    @param account The account.
    @return bool Whether it is or was.
    """
    return staticcall IRouters(PAYMENT).was_settler(session >> 128, account)


@internal
@view
def _check_signed(session: uint256, digest: bytes32, signature: Bytes[65]):
    """
    @dev Refuses what no settler of a session's router signed.
    @param session The session.
    @param digest What was signed.
    @param signature The settler's; a failed recovery gives the zero address,
           which never is a settler.
    """
    signer: address = ecdsa._recover_sig(digest, signature)
    assert self._is_settler(session, signer), "leaf: not signed by a settler"


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
