# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title The root that is posted
@custom:contract-name posted_root
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What proofs are about, and what each of them ends in.
"""

from contracts.interfaces import INodeReputation
from contracts.interfaces import INodeReward
from contracts.lib import sum_tree


interface IParts:
    def REPUTATION() -> address: view
    def TABLE() -> address: view


REWARD: public(immutable(address))
REPUTATION: immutable(address)
TABLE: immutable(address)


@deploy
def __init__(reward: address):
    """
    @dev Fixes whose roots are looked at, by whose register and cards.
    @param reward NodeReward.
    """
    assert reward.is_contract, "posted: reward has no code"
    REWARD = reward
    REPUTATION = staticcall IParts(reward).REPUTATION()
    TABLE = staticcall IParts(reward).TABLE()


@internal
@view
def _flight(epoch: uint256, header: INodeReward.Header) -> INodeReward.Flight:
    """
    @dev Refuses what is not the posted root. Whether its window is over is for
         NodeReward to say.
    @param epoch Its epoch.
    @param header The header.
    @return Flight The epoch in flight.
    """
    flight: INodeReward.Flight = staticcall INodeReward(REWARD).flight()
    assert flight.epoch == epoch, "posted: not in flight"
    # Of an epoch that has none, the hash is 0.
    assert keccak256(abi_encode(header)) == flight.posted, "posted: other header"
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
@view
def _was_active(epoch: uint256, operator: address, node: address) -> bool:
    """
    @dev Whether a node belongs into an epoch's tree.
    @param epoch The epoch.
    @param operator The operator.
    @param node The node.
    @return bool Whether it was registered all through it.
    """
    start: uint256 = 0
    end: uint256 = 0
    start, end = staticcall INodeReward(REWARD).epoch_bounds(epoch)
    return staticcall INodeReputation(REPUTATION).was_active(operator, node, start, end)


@internal
def _overthrow(epoch: uint256, header: INodeReward.Header, kind: String[32]):
    """
    @dev Ends the root; the sender gets half of its bond.
    @param epoch Its epoch.
    @param header Its header.
    @param kind What was proven.
    """
    extcall INodeReward(REWARD).overthrow(epoch, header, msg.sender, kind)
