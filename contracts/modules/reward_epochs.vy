# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Where reward epochs are
@custom:contract-name reward_epochs
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice At most one epoch is open or posted; of those that are final the seals
        are kept. And what every proof ends in: a root that is overthrown.
"""

from contracts.interfaces import INodeReward
from contracts.lib import epoch_words as words
from contracts.lib import sum_tree
from contracts.modules import reward_bonds

uses: reward_bonds

STATE_NONE: constant(uint256) = 0
STATE_OPEN: constant(uint256) = 1
STATE_POSTED: constant(uint256) = 2
STATE_FINAL: constant(uint256) = 3
STATE_EXPIRED: constant(uint256) = 4

EPOCH_SECONDS: public(immutable(uint256))
VETO_SECONDS: public(immutable(uint256))


# @dev Who overthrows roots; set once.
dispute: public(address)

# @dev The epoch opened last (lib/epoch_words.vy).
_flight: uint256

# @dev The hash of the posted header; means nothing unless one is posted.
_posted: bytes32

# @dev The newest final epoch; 0 for none.
last_final_epoch: public(uint256)

# @dev Seals of epochs that are paid: all that a payment reads.
_roots: HashMap[uint256, bytes32]

# @dev Seals of epochs that are swept.
_expired_roots: HashMap[uint256, bytes32]

# @dev What else is kept of final epochs (lib/epoch_words.vy).
_finals: HashMap[uint256, uint256]

# @dev Final epoch -> the first epoch for which its tree counts as none; 0 for never.
forgotten_since: public(HashMap[uint256, uint256])


@deploy
def __init__(epoch_seconds: uint256, veto_seconds: uint256):
    """
    @dev Fixes the epochs. The one that runs at deployment, whose first second no
         card was there for, counts as done.
    @param epoch_seconds How long an epoch is.
    @param veto_seconds How long a veto can be executed.
    """
    assert epoch_seconds != 0, "epoch: zero length"
    EPOCH_SECONDS = epoch_seconds
    VETO_SECONDS = veto_seconds
    # Rounds down.
    self._flight = words._pack_flight(
        block.timestamp // epoch_seconds, STATE_NONE, 0, 0, 0, 0, False
    )


@internal
@pure
def _hash(header: INodeReward.Header) -> bytes32:
    """
    @dev What is stored of a header.
    @param header The header.
    @return bytes32 Its hash.
    """
    return keccak256(abi_encode(header))


@internal
@view
def _bounds(epoch: uint256) -> (uint256, uint256):
    """
    @dev When an epoch is.
    @param epoch The epoch.
    @return uint256 Its first second.
    @return uint256 The first second of the next one.
    """
    start: uint256 = epoch * EPOCH_SECONDS
    return start, start + EPOCH_SECONDS


@internal
@view
def _root(epoch: uint256) -> bytes32:
    """
    @dev The seal of an epoch, expired or not.
    @param epoch The epoch.
    @return bytes32 The seal; 0 unless it is final.
    """
    root: bytes32 = self._roots[epoch]
    if root == empty(bytes32):
        root = self._expired_roots[epoch]
    return root


@internal
@view
def _prior_root(epoch: uint256) -> bytes32:
    """
    @dev The tree that an epoch's levels follow from, were it posted now.
    @param epoch The epoch.
    @return bytes32 The seal; 0 for none.
    """
    since: uint256 = self.forgotten_since[self.last_final_epoch]
    if since != 0 and epoch >= since:
        return empty(bytes32)
    return self._root(self.last_final_epoch)


@internal
def _forget_levels():
    """
    @dev Lets nothing follow from the last final tree, from the next epoch on that
         begins: what is posted till then stays what it was.
    """
    last: uint256 = self.last_final_epoch
    assert last != 0, "epoch: none is final"
    assert self.forgotten_since[last] == 0, "epoch: already forgotten"
    since: uint256 = block.timestamp // EPOCH_SECONDS + 1
    self.forgotten_since[last] = since
    log INodeReward.LevelsForgotten(epoch=last, since=since)


@internal
@view
def _challengeable_until(flight: uint256) -> uint256:
    """
    @dev The last second of a root's window: a veto that was announced holds it
         open until it lapses.
    @param flight The epoch in flight.
    @return uint256 Unix seconds; 0 unless posted.
    """
    until: uint256 = words._until(flight)
    veto_at: uint256 = words._veto_at(flight)
    if veto_at != 0:
        return max(until, veto_at + VETO_SECONDS)
    return until


@internal
@view
def _posted_flight(epoch: uint256, header: INodeReward.Header) -> uint256:
    """
    @dev Refuses what is not the posted root.
    @param epoch Its epoch.
    @param header The header.
    @return uint256 The epoch in flight.
    """
    flight: uint256 = self._flight
    assert words._epoch(flight) == epoch, "epoch: not in flight"
    assert words._state(flight) == STATE_POSTED, "epoch: not posted"
    assert self._hash(header) == self._posted, "epoch: other header"
    return flight


@internal
@pure
def _seal(header: INodeReward.Header) -> bytes32:
    """
    @dev The seal of a posted tree.
    @param header Its header.
    @return bytes32 The seal.
    """
    return sum_tree._seal(header.root, header.sums, sum_tree._depth(header.count))


@internal
def _overthrow(flight: uint256, header: INodeReward.Header, challenger: address, kind: String[32]):
    """
    @dev Ends a root: its bond is slashed, and the next one can be posted.
    @param flight The epoch in flight.
    @param header The root's.
    @param challenger Who gets what is not burnt of the bond.
    @param kind What was wrong.
    """
    epoch: uint256 = words._epoch(flight)
    self._flight = words._pack_flight(
        epoch, STATE_OPEN, words._version(flight), words._budget(flight), 0, 0, False
    )
    slashed: uint256 = reward_bonds._slash(header.proposer, challenger)
    log INodeReward.RootOverthrown(
        epoch=epoch, proposer=header.proposer, challenger=challenger, kind=kind, slashed=slashed
    )
