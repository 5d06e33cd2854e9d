# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Routers and what they have pending
@custom:contract-name routers
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Who settles for a router, and the money it settled that is still in its
        challenge window.
@dev    Pending money is kept by (router, card, bucket of time), so batches of
        one bucket share one slot. Beside the amount, a bucket keeps a digest of
        what each session moved: who shows those moves shows which of the
        pending money is a session's own. A dispute takes and freezes in the
        bucket that it lies in, so that no session's money pays for another's.
        What is frozen longer than the challenge window is still there, and is
        counted against the router's cover no more: else whoever has money
        frozen could stop all settlement.
"""

from contracts.interfaces import IRouters
from contracts.interfaces import ISessionPaymentTable
from contracts.lib import pending_moves
from contracts.modules import gate
from contracts.modules import pots
from snekmate.auth import ownable

implements: IRouters
uses: gate
uses: ownable
uses: pots

_BPS: constant(uint256) = 10_000
_MAX_WINDOW_SECONDS: constant(uint256) = 30 * 86_400
_LEFT: constant(uint256) = 2**96
_U96: constant(uint256) = 2**96 - 1
_U160: constant(uint256) = 2**160 - 1

CHALLENGE_WINDOW_SECONDS: public(immutable(uint256))
BUCKET_SECONDS: public(immutable(uint256))


# @dev router -> settler u160 | pending wei u96 << 160, of all buckets that were
#      never released.
_routers: HashMap[uint256, uint256]

# @dev router -> card version -> bucket -> settled wei u96 | digest of the moves
#      u160. Two lists of one digest are as hard to find as two keys of one
#      account.
_buckets: HashMap[uint256, HashMap[uint256, HashMap[uint256, uint256]]]

# @dev router -> card version -> bucket -> wei of it that disputes have frozen u96
#      | whether a release left them there u1.
_held: HashMap[uint256, HashMap[uint256, HashMap[uint256, uint256]]]

# @dev router -> account -> until when it was the settler, in unix seconds; the
#      largest number for who is it now, 0 for who never was.
_settles_until: HashMap[uint256, HashMap[address, uint256]]


@deploy
def __init__(challenge_window_seconds: uint256, bucket_seconds: uint256):
    """
    @dev Fixes the times.
    @param challenge_window_seconds How long settled money is pending, at most
           30 days.
    @param bucket_seconds How much settlement time shares one pending slot.
    """
    assert challenge_window_seconds <= _MAX_WINDOW_SECONDS, "router: challenge too long"
    assert bucket_seconds != 0, "router: zero bucket"
    assert bucket_seconds <= _MAX_WINDOW_SECONDS, "router: bucket too long"
    CHALLENGE_WINDOW_SECONDS = challenge_window_seconds
    BUCKET_SECONDS = bucket_seconds


# ---------------------------------------------------------------------------
# Owner and settlers
# ---------------------------------------------------------------------------


@external
def register_router(settler: address) -> uint256:
    ownable._check_owner()
    router_id: uint256 = gate._count_router()
    self._set_settler(router_id, empty(address), settler, 0)
    return router_id


@external
def set_settler(router_id: uint256, settler: address):
    # Not the owner, either: whoever names the settler can take what its
    # sessions have deposited.
    router: uint256 = self._of_sender(router_id)
    self._set_settler(router_id, msg.sender, settler, router >> 160)


# ---------------------------------------------------------------------------
# Anyone
# ---------------------------------------------------------------------------


@external
def release(router_id: uint256, version: uint256, bucket: uint256) -> uint256:
    word: uint256 = self._buckets[router_id][version][bucket]
    assert word & _U96 != 0, "router: nothing pending"
    # The bucket's last second counts, so that every settlement in it has had
    # the whole window.
    matures_at: uint256 = (bucket + 1) * BUCKET_SECONDS + CHALLENGE_WINDOW_SECONDS
    assert block.timestamp >= matures_at, "router: challenge window open"
    # INV-P7: what a demand froze stays, in its bucket.
    frozen: uint256 = self._held[router_id][version][bucket]
    held: uint256 = frozen & _U96
    amount: uint256 = (word & _U96) - held
    if frozen < _LEFT:
        # The first release takes the whole bucket off the router's pending total,
        # though it pay out nothing.
        self._routers[router_id] -= (word & _U96) << 160
    else:
        assert amount != 0, "router: money is held"
    if held == 0:
        self._buckets[router_id][version][bucket] = 0
    else:
        self._buckets[router_id][version][bucket] = word - amount
        self._held[router_id][version][bucket] = held | _LEFT

    node_bps: uint256 = 0
    validator_bps: uint256 = 0
    node_bps, validator_bps = staticcall ISessionPaymentTable(gate.TABLE).shares(version)
    # Shares round down; the treasury takes the remainder.
    node_amount: uint256 = amount * node_bps // _BPS
    validator_amount: uint256 = amount * validator_bps // _BPS
    treasury_amount: uint256 = amount - node_amount - validator_amount
    pots._add(node_amount, validator_amount, treasury_amount)
    log IRouters.PendingReleased(
        router_id=router_id,
        version=version,
        bucket=bucket,
        node_amount=node_amount,
        validator_amount=validator_amount,
        treasury_amount=treasury_amount,
    )
    return amount


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def router(router_id: uint256) -> (address, uint256):
    word: uint256 = self._routers[router_id]
    return (convert(word & _U160, address), word >> 160)


@external
@view
def pending(router_id: uint256, version: uint256, bucket: uint256) -> uint256:
    return self._buckets[router_id][version][bucket] & _U96


@external
@view
def held(router_id: uint256, version: uint256, bucket: uint256) -> uint256:
    return self._held[router_id][version][bucket] & _U96


@external
@view
def moves_digest(router_id: uint256, version: uint256, bucket: uint256) -> uint256:
    return self._buckets[router_id][version][bucket] >> 96


@external
@view
def settles_until(router_id: uint256, account: address) -> uint256:
    return self._settles_until[router_id][account]


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _of_sender(router_id: uint256) -> uint256:
    """
    @dev Reads a router's word for its settler, and refuses anybody else.
    @param router_id The router.
    @return uint256 The word.
    """
    word: uint256 = self._routers[router_id]
    assert word & _U160 == convert(msg.sender, uint256), "router: caller is not settler"
    return word


@internal
def _set_settler(router_id: uint256, old: address, settler: address, pending: uint256):
    """
    @dev Writes a router's word.
    @param router_id The router.
    @param old Its settler until now.
    @param settler Its settler from now on.
    @param pending Its pending total in wei of COR.
    """
    assert settler != empty(address), "router: zero settler"
    self._routers[router_id] = convert(settler, uint256) | pending << 160
    # What a settler anchored until it was replaced stays provable for ever; what
    # its key does from then on binds the router no more. In this order, so that
    # one that replaces itself stays.
    if old != empty(address):
        self._settles_until[router_id][old] = block.timestamp
    self._settles_until[router_id][settler] = max_value(uint256)
    log IRouters.RouterSet(router_id=router_id, old_settler=old, new_settler=settler)


@internal
def _add_pending(
    router_id: uint256,
    router: uint256,
    version: uint256,
    total: uint256,
    moves: bytes32,
    cover: uint256,
) -> uint256:
    """
    @dev Books what a batch moved.
    @param router_id The router.
    @param router Its word.
    @param version The batch's card.
    @param total Wei of COR; not zero.
    @param moves The hash of what each session moved; zero for stake, which
           names no session here.
    @param cover The most it may have pending, in wei of COR.
    @return uint256 The bucket.
    """
    assert (router >> 160) + total <= cover, "router: pending exceeds bond"
    bucket: uint256 = block.timestamp // BUCKET_SECONDS
    # No carry into the digest, as below.
    word: uint256 = self._buckets[router_id][version][bucket] + total
    if moves != empty(bytes32):
        word = word & _U96 | pending_moves._with_batch(word >> 96, moves) << 96
    self._buckets[router_id][version][bucket] = word
    # No carry out of the word: all pending money is part of the supply,
    # which fits in 96 bits.
    self._routers[router_id] = router + (total << 160)
    return bucket


@internal
def _hold(router_id: uint256, version: uint256, bucket: uint256, amount: uint256) -> uint256:
    """
    @dev Freezes money of a bucket, as far as there is any that is not frozen.
    @param router_id The router.
    @param version The card.
    @param bucket The bucket.
    @param amount Wei of COR wanted.
    @return uint256 Wei of COR frozen.
    """
    frozen: uint256 = self._held[router_id][version][bucket]
    settled: uint256 = self._buckets[router_id][version][bucket] & _U96
    added: uint256 = min(amount, settled - (frozen & _U96))
    self._held[router_id][version][bucket] = frozen + added
    return added


@internal
def _unhold(router_id: uint256, version: uint256, bucket: uint256, amount: uint256):
    """
    @dev Lets frozen money go.
    @param router_id The router.
    @param version The card.
    @param bucket The bucket.
    @param amount Wei of COR, as `_hold` returned it.
    """
    frozen: uint256 = self._held[router_id][version][bucket]
    assert amount <= frozen & _U96, "router: more than is held"
    self._held[router_id][version][bucket] = frozen - amount


@internal
def _take(
    router_id: uint256, version: uint256, bucket: uint256, amount: uint256, grain: uint256
) -> uint256:
    """
    @dev Takes money of a bucket back that is not frozen.
    @param router_id The router.
    @param version The card.
    @param bucket The bucket.
    @param amount Wei of COR wanted.
    @param grain Wei of COR of which a multiple is taken; rounds down.
    @return uint256 Wei of COR taken.
    """
    word: uint256 = self._buckets[router_id][version][bucket]
    frozen: uint256 = self._held[router_id][version][bucket]
    taken: uint256 = min(amount, (word & _U96) - (frozen & _U96))
    taken -= taken % grain
    # The digest stays: what others moved, and will, is proven by all of it.
    self._buckets[router_id][version][bucket] = word - taken
    if frozen < _LEFT:
        self._routers[router_id] -= taken << 160
    return taken
