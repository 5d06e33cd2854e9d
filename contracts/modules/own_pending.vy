# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title What of a router's pending money is a session's own
@custom:contract-name own_pending
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A router's pending money comes from many sessions, and a proof must not
        be paid with what another one deposited. So a session's claim on it is
        only what was shown, from the moves of batches whose bucket is not
        released, to have moved there from this session. What goes beyond is
        the bond's to pay.
@dev    What is shown stays claimable until the first of its buckets can be
        released; what an open demand has frozen, until the last demand of the
        session is closed.
"""

from contracts.interfaces import IRouters
from contracts.interfaces import ISessionPayment
from contracts.interfaces import ISettlementDispute
from contracts.lib import dispute_words as words
from contracts.lib import pending_moves


interface IParts:
    def BUCKET_SECONDS() -> uint256: view
    def CHALLENGE_WINDOW_SECONDS() -> uint256: view


PAYMENT: immutable(address)
_BUCKET_SECONDS: immutable(uint256)
_CHALLENGE_WINDOW_SECONDS: immutable(uint256)


# @dev session -> own word (lib/dispute_words.vy).
_own: HashMap[uint256, uint256]

# @dev session -> hash of a batch's place -> whether its move was shown.
_shown: HashMap[uint256, HashMap[bytes32, bool]]


@deploy
def __init__(payment: address):
    """
    @dev Fixes whose pending money it is.
    @param payment SessionPayment.
    """
    PAYMENT = payment
    _BUCKET_SECONDS = staticcall IParts(payment).BUCKET_SECONDS()
    _CHALLENGE_WINDOW_SECONDS = staticcall IParts(payment).CHALLENGE_WINDOW_SECONDS()


@external
def show_pending(session: uint256, batch: ISettlementDispute.PendingBatch) -> uint256:
    hashed: bytes32 = empty(bytes32)
    moved: uint256 = 0
    for move: uint256 in batch.moves:
        hashed = pending_moves._with_move(hashed, move)
        if move >> 96 == session:
            # No overflow once the moves are believed: each is part of the supply.
            moved = unsafe_add(moved, move & words.U96)
    assert moved != 0, "own: nothing moved there"
    digest: uint256 = pending_moves._with_batch(batch.before, hashed)
    for later: bytes32 in batch.later:
        digest = pending_moves._with_batch(digest, later)
    # A released bucket has no digest, and no list of moves has a digest of zero.
    assert digest == staticcall IRouters(PAYMENT).moves_digest(
        session >> 128, batch.version, batch.bucket
    ), "own: not pending like that"
    place: bytes32 = keccak256(abi_encode(batch.version, batch.bucket, batch.before, hashed))
    assert not self._shown[session][place], "own: already shown"
    self._shown[session][place] = True
    # The last second before its bucket can be released.
    until: uint256 = (batch.bucket + 1) * _BUCKET_SECONDS + _CHALLENGE_WINDOW_SECONDS - 1
    word: uint256 = self._own[session]
    claimable: uint256 = self._claimable(word)
    if claimable != 0 and block.timestamp <= words._own_until(word):
        until = min(until, words._own_until(word))
    claimable += moved
    held: uint256 = words._own_held(word)
    if words._own_open(word) != 0:
        held = self._hold(session, held, claimable)
    self._own[session] = words._pack_own(claimable, held, words._own_open(word), until)
    log ISettlementDispute.PendingShown(
        session=session, bucket=batch.bucket, moved=moved, claimable_until=until
    )
    return moved


@external
@view
def claimable(session: uint256) -> ISettlementDispute.OwnPending:
    word: uint256 = self._own[session]
    return ISettlementDispute.OwnPending(
        claimable=self._claimable(word),
        claimable_until=words._own_until(word),
        held=words._own_held(word),
        open_demands=words._own_open(word),
    )


@internal
@view
def _claimable(word: uint256) -> uint256:
    """
    @dev What a session can claim of its router's pending money now.
    @param word The session's own word.
    @return uint256 Wei of COR.
    """
    if block.timestamp <= words._own_until(word):
        return words._own_claim(word)
    # The rest may have been released; what is held has not.
    return min(words._own_claim(word), words._own_held(word))


@internal
def _freeze(session: uint256):
    """
    @dev Counts a demand, and freezes what the session can claim.
    @param session The session.
    """
    word: uint256 = self._own[session]
    claimable: uint256 = self._claimable(word)
    self._own[session] = words._pack_own(
        claimable,
        self._hold(session, words._own_held(word), claimable),
        words._own_open(word) + 1,
        words._own_until(word),
    )


@internal
def _hold(session: uint256, held: uint256, wanted: uint256) -> uint256:
    """
    @dev Freezes more of a router's pending money for a session.
    @param session The session.
    @param held What is frozen for it, in wei of COR.
    @param wanted What should be, in wei of COR.
    @return uint256 What is now, in wei of COR.
    """
    if wanted <= held:
        return held
    return held + extcall ISessionPayment(PAYMENT).hold(session >> 128, wanted - held)


@internal
def _unfreeze(session: uint256):
    """
    @dev Counts a demand as closed; after the last one nothing stays frozen.
    @param session The session.
    """
    word: uint256 = self._own[session]
    held: uint256 = words._own_held(word)
    claim: uint256 = self._claimable(word)
    open: uint256 = words._own_open(word) - 1
    if open == 0 and held != 0:
        extcall ISessionPayment(PAYMENT).unhold(session >> 128, held)
        held = 0
    self._own[session] = words._pack_own(claim, held, open, words._own_until(word))


@internal
def _refund(session: uint256, due: uint256) -> uint256:
    """
    @dev Refunds a session from its own pending money.
    @param session The session.
    @param due Wei of COR.
    @return uint256 Wei of COR refunded.
    """
    word: uint256 = self._own[session]
    claimable: uint256 = self._claimable(word)
    # Even of nothing: it also closes the session to settlement.
    refunded: uint256 = extcall ISessionPayment(PAYMENT).refund(session, min(due, claimable))
    if refunded != 0:
        held: uint256 = words._own_held(word)
        left: uint256 = claimable - refunded
        if held > left:
            # What was frozen for this session has been given to it.
            extcall ISessionPayment(PAYMENT).unhold(session >> 128, held - left)
            held = left
        self._own[session] = words._pack_own(
            left, held, words._own_open(word), words._own_until(word)
        )
    return refunded
