# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Proofs that a reward tree is no tree of that kind
@custom:contract-name reward_tree_proofs
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Paths add up as they climb. So a proof of anything below a wrong sum fails,
        and the highest wrong sum of a path can be proven: one of the two always
        can.
"""

from contracts.interfaces import INodeReward
from contracts.interfaces import IRewardTreeProofs
from contracts.lib import sum_tree
from contracts.lib import tree_places as places
from contracts.modules import posted_root

implements: IRewardTreeProofs
uses: posted_root


@external
def challenge_sum(
    epoch: uint256,
    header: INodeReward.Header,
    height: uint256,
    index: uint256,
    node: INodeReward.Sum,
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
    left: INodeReward.Sum,
    right: INodeReward.Sum,
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    self._check_node(header, height, index, node, proof)
    hashed: bytes32 = sum_tree._inner(left.hashed, left.sums, right.hashed, right.sums)
    assert hashed == node.hashed, "tproof: not its children"
    assert (
        height == 0 or not sum_tree._is_sum(node.sums, left.sums, right.sums)
    ), "tproof: sum is right"
    posted_root._overthrow(epoch, header, "sum")


@external
def challenge_leaf_sum(
    epoch: uint256,
    header: INodeReward.Header,
    height: uint256,
    index: uint256,
    node: INodeReward.Sum,
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
    operator: uint256,
    detail: bytes32,
    sums: uint256,
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    self._check_node(header, height, index, node, proof)
    # The operator as a word: no tree is safe because it names no address.
    hashed: bytes32 = keccak256(abi_encode(operator, detail, sums))
    assert hashed == node.hashed, "tproof: not its leaf"
    assert height != 0 or node.sums != sums, "tproof: sum is right"
    posted_root._overthrow(epoch, header, "sum")


@external
def challenge_padding(
    epoch: uint256,
    header: INodeReward.Header,
    height: uint256,
    index: uint256,
    node: INodeReward.Sum,
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    self._check_node(header, height, index, node, proof)
    if node.hashed == empty(bytes32):
        assert (height != 0 or node.sums != 0 or index < header.count), "tproof: rightly empty"
    else:
        assert height == 0 and index >= header.count, "tproof: rightly filled"
    posted_root._overthrow(epoch, header, "padding")


@external
def challenge_order(
    epoch: uint256,
    header: INodeReward.Header,
    left: INodeReward.Place,
    right: INodeReward.Place,
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    seal: bytes32 = posted_root._seal(header)
    assert right.index == left.index + 1, "tproof: not neighbours"
    places._check(seal, left)
    places._check(seal, right)
    assert not places._is_before(
        left.leaf.operator, left.leaf.node, right.leaf.operator, right.leaf.node
    ), "tproof: leaves rise"
    posted_root._overthrow(epoch, header, "order")


@external
def challenge_left_out(
    epoch: uint256,
    header: INodeReward.Header,
    operator: address,
    node: address,
    left: INodeReward.Place,
    right: INodeReward.Place,
):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    assert posted_root._was_active(epoch, operator, node), "tproof: was not registered"
    places._check_absent(posted_root._seal(header), operator, node, left, right)
    posted_root._overthrow(epoch, header, "left out")


@external
def challenge_budget(epoch: uint256, header: INodeReward.Header):
    flight: INodeReward.Flight = posted_root._flight(epoch, header)
    assert header.sums & sum_tree.U128 > flight.budget, "tproof: within the budget"
    posted_root._overthrow(epoch, header, "budget")


@internal
@pure
def _check_node(
    header: INodeReward.Header,
    height: uint256,
    index: uint256,
    node: INodeReward.Sum,
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
):
    """
    @dev Refuses a node that is not in the posted tree.
    @param header The tree's.
    @param height How high above the leaves it is.
    @param index Its place in its row.
    @param node Its hash and sums.
    @param proof Its siblings, from below.
    """
    depth: uint256 = sum_tree._depth(header.count)
    # Else what is no node of that row would pass for one.
    assert height <= depth, "tproof: above the tree"
    assert height + len(proof) == depth, "tproof: not in that row"
    top: bytes32 = empty(bytes32)
    sums: uint256 = 0
    top, sums = sum_tree._climb(node.hashed, node.sums, index, proof)
    assert top == header.root and sums == header.sums, "tproof: not in the tree"
