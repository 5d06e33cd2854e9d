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
@dev    Claims are kept by bucket: refunds and freezes touch the money where it
        lies. A claim is over when its bucket can be released, but for what open
        demands have frozen of it. That can be let go when a demand in the last
        second before, and those that follow from its answer, would be decided:
        else one demand after another could keep it for ever.
"""

from contracts.interfaces import IOwnPending
from contracts.interfaces import IRouters
from contracts.interfaces import ISessionPayment
from contracts.lib import dispute_words as words
from contracts.lib import pending_moves

implements: IOwnPending


interface IParts:
    def BUCKET_SECONDS() -> uint256: view
    def CHALLENGE_WINDOW_SECONDS() -> uint256: view


# @dev At least the buckets that are in their challenge window at a time.
_MAX_CLAIMS: constant(uint256) = 64

PAYMENT: immutable(address)
_BUCKET_SECONDS: immutable(uint256)
_CHALLENGE_WINDOW_SECONDS: immutable(uint256)
_LAPSE_SECONDS: immutable(uint256)

_U128: constant(uint256) = 2**128 - 1


# @dev session -> its claims (lib/dispute_words.vy), one a bucket.
_claims: HashMap[uint256, DynArray[uint256, _MAX_CLAIMS]]

# @dev session -> how many of its demands are open u128 | and not answered u128.
_open: HashMap[uint256, uint256]

# @dev hash of router, card and bucket -> digest -> whether it was the bucket's.
_prefixes: HashMap[bytes32, HashMap[uint256, bool]]

# @dev session -> hash of a batch's place -> whether its move was shown.
_shown: HashMap[uint256, HashMap[bytes32, bool]]


@deploy
def __init__(payment: address, lapse_seconds: uint256):
    """
    @dev Fixes whose pending money it is, and how long it stays frozen.
    @param payment SessionPayment.
    @param lapse_seconds How long after its bucket can be released.
    """
    PAYMENT = payment
    _LAPSE_SECONDS = lapse_seconds
    bucket: uint256 = staticcall IParts(payment).BUCKET_SECONDS()
    challenge: uint256 = staticcall IParts(payment).CHALLENGE_WINDOW_SECONDS()
    # So many buckets, and the one that is filled, are in their window at a time.
    # Where each has its place, none pushes out another that can still be claimed.
    assert challenge <= (_MAX_CLAIMS - 1) * bucket, "own: bucket too short"
    _BUCKET_SECONDS = bucket
    _CHALLENGE_WINDOW_SECONDS = challenge


@external
def show_pending(session: uint256, batch: IOwnPending.PendingBatch) -> uint256:
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
    self._check_digest(session, batch.bucket, digest)
    assert not self._is_over(batch.bucket, 0), "own: challenge window over"
    place: bytes32 = keccak256(abi_encode(batch.bucket, batch.before, hashed))
    assert not self._shown[session][place], "own: already shown"
    self._shown[session][place] = True
    self._claim(session, batch.bucket, moved)
    log IOwnPending.PendingShown(session=session, bucket=batch.bucket, moved=moved)
    return moved


@external
def show_prefix(session: uint256, bucket: uint256, before: uint256, later: DynArray[bytes32, 512]):
    digest: uint256 = before
    for batch: bytes32 in later:
        digest = pending_moves._with_batch(digest, batch)
    place: bytes32 = self._check_digest(session, bucket, digest)
    self._prefixes[place][before] = True


@external
def thaw(session: uint256):
    # What nobody answers may yet be owed. An honest router can answer them all,
    # and each that comes in between pays it a deposit.
    assert self._open[session] <= _U128, "own: a demand is not answered"
    assert self._let_go(session, _LAPSE_SECONDS), "own: nothing has lapsed"


@external
@view
def claims(session: uint256) -> DynArray[IOwnPending.Claim, _MAX_CLAIMS]:
    found: DynArray[IOwnPending.Claim, _MAX_CLAIMS] = []
    for claim: uint256 in self._claims[session]:
        found.append(
            IOwnPending.Claim(
                bucket=words._bucket(claim),
                claimable=self._claimable(claim),
                held=words._held(claim),
            )
        )
    return found


@internal
@view
def _check_digest(session: uint256, bucket: uint256, digest: uint256) -> bytes32:
    """
    @dev Refuses what is not the digest of a bucket, now or before its later
         batches.
    @param session A session of its router and card.
    @param bucket The bucket.
    @param digest The digest, uint160.
    @return bytes32 The hash of router, card and bucket.
    """
    router_id: uint256 = session >> 128
    # Sessions move under the card they pin.
    version: uint256 = (staticcall ISessionPayment(PAYMENT).session(session)).version
    place: bytes32 = keccak256(abi_encode(router_id, version, bucket))
    if not self._prefixes[place][digest]:
        # A released bucket has no digest, and no list of moves has one of zero.
        assert digest == staticcall IRouters(PAYMENT).moves_digest(
            router_id, version, bucket
        ), "own: not pending like that"
    return place


@internal
@view
def _is_over(bucket: uint256, since: uint256) -> bool:
    """
    @dev Whether a bucket can be released.
    @param bucket The bucket.
    @param since For how many seconds.
    @return bool Whether it can.
    """
    return block.timestamp >= (bucket + 1) * _BUCKET_SECONDS + _CHALLENGE_WINDOW_SECONDS + since


@internal
@view
def _claimable(claim: uint256) -> uint256:
    """
    @dev What a session can claim of a bucket now.
    @param claim The claim.
    @return uint256 Wei of COR.
    """
    if self._is_over(words._bucket(claim), 0):
        # The rest may have been released; what is held has not.
        return words._held(claim)
    return words._claimed(claim)


@internal
def _claim(session: uint256, bucket: uint256, moved: uint256):
    """
    @dev Adds to a session's claim on a bucket; while a demand of the session is
         open, all of it is frozen.
    @param session The session.
    @param bucket The bucket.
    @param moved Wei of COR.
    """
    count: uint256 = len(self._claims[session])
    place: uint256 = count
    smallest: uint256 = max_value(uint256)
    for i: uint256 in range(count, bound=_MAX_CLAIMS):
        known: uint256 = self._claims[session][i]
        if words._bucket(known) == bucket:
            place = i
            break
        if count == _MAX_CLAIMS and self._claimable(known) < smallest:
            # One that is over, or else the least: small moves in many buckets
            # must not keep a large one out.
            smallest = self._claimable(known)
            place = i
    if place == count:
        self._claims[session].append(words._pack_claim(0, 0, bucket))
    elif words._bucket(self._claims[session][place]) != bucket:
        assert smallest < moved, "own: too many buckets"
        held: uint256 = words._held(self._claims[session][place])
        if held != 0:
            left: uint256 = words._bucket(self._claims[session][place])
            extcall ISessionPayment(PAYMENT).unhold(session, left, held)
        self._claims[session][place] = words._pack_claim(0, 0, bucket)
    claim: uint256 = self._claims[session][place] + moved
    self._claims[session][place] = claim
    if self._open[session] != 0:
        self._claims[session][place] = self._hold(session, claim)


@internal
def _hold(session: uint256, claim: uint256) -> uint256:
    """
    @dev Freezes what a session can claim of a bucket.
    @param session The session.
    @param claim The claim.
    @return uint256 The claim afterwards.
    """
    held: uint256 = words._held(claim)
    claimable: uint256 = self._claimable(claim)
    if claimable <= held:
        return claim
    bucket: uint256 = words._bucket(claim)
    held += extcall ISessionPayment(PAYMENT).hold(session, bucket, claimable - held)
    return words._pack_claim(words._claimed(claim), held, bucket)


@internal
def _freeze(session: uint256):
    """
    @dev Counts a demand, and freezes what the session can claim.
    @param session The session.
    """
    self._open[session] += 1 | 1 << 128
    for i: uint256 in range(len(self._claims[session]), bound=_MAX_CLAIMS):
        self._claims[session][i] = self._hold(session, self._claims[session][i])


@internal
def _answered(session: uint256):
    """
    @dev Counts a demand as answered.
    @param session The session.
    """
    self._open[session] -= 1 << 128


@internal
def _unfreeze(session: uint256, is_answered: bool):
    """
    @dev Counts a demand as closed; after the last one nothing stays frozen.
    @param session The session.
    @param is_answered Whether it was answered.
    """
    if not is_answered:
        self._answered(session)
    open: uint256 = self._open[session] - 1
    self._open[session] = open
    if open == 0:
        self._let_go(session, 0)


@internal
def _let_go(session: uint256, since: uint256) -> bool:
    """
    @dev Lets what is frozen for a session go.
    @param session The session.
    @param since Only of buckets that could be released for that many seconds;
           0 for all.
    @return bool Whether there was anything.
    """
    is_any: bool = False
    for i: uint256 in range(len(self._claims[session]), bound=_MAX_CLAIMS):
        claim: uint256 = self._claims[session][i]
        held: uint256 = words._held(claim)
        bucket: uint256 = words._bucket(claim)
        if held != 0 and (since == 0 or self._is_over(bucket, since)):
            extcall ISessionPayment(PAYMENT).unhold(session, bucket, held)
            self._claims[session][i] = words._pack_claim(words._claimed(claim), 0, bucket)
            is_any = True
    return is_any


@internal
def _refund(session: uint256, due: uint256) -> uint256:
    """
    @dev Refunds a session from its own pending money.
    @param session The session.
    @param due Wei of COR.
    @return uint256 Wei of COR refunded.
    """
    refunded: uint256 = 0
    is_closed: bool = False
    for i: uint256 in range(len(self._claims[session]), bound=_MAX_CLAIMS):
        claim: uint256 = self._claims[session][i]
        wanted: uint256 = min(due - refunded, self._claimable(claim))
        if wanted == 0:
            continue
        bucket: uint256 = words._bucket(claim)
        held: uint256 = words._held(claim)
        if held != 0:
            # It is frozen for this session: taking it lets it go.
            freed: uint256 = min(held, wanted)
            extcall ISessionPayment(PAYMENT).unhold(session, bucket, freed)
            held -= freed
        taken: uint256 = extcall ISessionPayment(PAYMENT).refund(session, bucket, wanted)
        self._claims[session][i] = words._pack_claim(words._claimed(claim) - taken, held, bucket)
        refunded += taken
        is_closed = True
    if not is_closed:
        # A proof closes a session to settlement, whatever pays for it.
        extcall ISessionPayment(PAYMENT).refund(session, 0, 0)
    return refunded
