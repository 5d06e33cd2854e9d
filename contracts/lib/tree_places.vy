# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Where leaves stand in a tree of rewards
@custom:contract-name tree_places
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice That a leaf is at its place, and that a pair of operator and node has
        none: its two neighbours show that, or the one at the edge.
@dev    Trees: lib/sum_tree.vy.
"""

from contracts.interfaces import INodeReward
from contracts.lib import sum_tree


@internal
@pure
def _hash(leaf: INodeReward.Leaf) -> bytes32:
    """
    @dev A leaf's hash.
    @param leaf The leaf; not taken for an empty one.
    @return bytes32 The hash.
    """
    detail: bytes32 = sum_tree._detail(leaf.node, leaf.facts, leaf.tally)
    return sum_tree._leaf(leaf.operator, detail, leaf.sums)


@internal
@pure
def _check(seal: bytes32, place: INodeReward.Place):
    """
    @dev Refuses a leaf that is not at its place.
    @param seal The tree's.
    @param place The leaf with its proof.
    """
    assert sum_tree._is_in(
        seal, self._hash(place.leaf), place.leaf.sums, place.index, place.proof
    ), "place: not in the tree"


@internal
@pure
def _check_empty(seal: bytes32, place: INodeReward.Place):
    """
    @dev Refuses a place that is not empty.
    @param seal The tree's.
    @param place The place with its proof.
    """
    assert sum_tree._is_in(
        seal, empty(bytes32), 0, place.index, place.proof
    ), "place: not an empty leaf"


@internal
@pure
def _is_empty(place: INodeReward.Place) -> bool:
    """
    @dev Whether a place is said to be empty.
    @param place The place.
    @return bool Whether nobody is named.
    """
    return place.leaf.operator == empty(address) and place.leaf.node == empty(address)


@internal
@pure
def _is_last(place: INodeReward.Place) -> bool:
    """
    @dev Whether a place is the last of its row.
    @param place The place, proven.
    @return bool Whether it is.
    """
    return place.index + 1 == 1 << len(place.proof)


@internal
@pure
def _is_before(
    operator: address, node: address, other_operator: address, other_node: address
) -> bool:
    """
    @dev Whether a pair comes before another one.
    @param operator Of the one.
    @param node Of the one.
    @param other_operator Of the other.
    @param other_node Of the other.
    @return bool False if they are the same, too.
    """
    if operator == other_operator:
        return convert(node, uint256) < convert(other_node, uint256)
    return convert(operator, uint256) < convert(other_operator, uint256)


@internal
@pure
def _check_absent(
    seal: bytes32,
    operator: address,
    node: address,
    left: INodeReward.Place,
    right: INodeReward.Place,
):
    """
    @dev Refuses unless a pair cannot be in a tree whose leaves rise.
    @param seal The tree's.
    @param operator Of the pair.
    @param node Of the pair.
    @param left The leaf before it; naming nobody where there is none.
    @param right The leaf after it, or an empty one; ignored where `left` is the
           last of the row.
    """
    if self._is_empty(left):
        assert right.index == 0, "place: left is missing"
    else:
        self._check(seal, left)
        assert self._is_before(
            left.leaf.operator, left.leaf.node, operator, node
        ), "place: left is not before it"
        if self._is_last(left):
            return
        assert right.index == left.index + 1, "place: not neighbours"
    if self._is_empty(right):
        # What follows an empty leaf is empty.
        self._check_empty(seal, right)
        return
    self._check(seal, right)
    assert self._is_before(
        operator, node, right.leaf.operator, right.leaf.node
    ), "place: right is not after it"
