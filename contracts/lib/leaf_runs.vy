# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Runs of leaves of a reward tree
@custom:contract-name leaf_runs
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Up to 128 leaves side by side are hashed to their subtree and proven with
        the rest, so that a leaf's share of a proof is small.
@dev    Trees: lib/sum_tree.vy.
"""

from contracts.interfaces import INodeReward
from contracts.interfaces import IRewardPayout
from contracts.lib import sum_tree

MAX_RUN: constant(uint256) = 128

_MAX_HEIGHT: constant(uint256) = 7


@internal
@pure
def _seal(
    start: uint256,
    leaves: DynArray[IRewardPayout.Due, MAX_RUN],
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
) -> bytes32:
    """
    @dev The seal of the tree that a run is in.
    @param start The run's first leaf; a multiple of the least power of two that
           holds the leaves.
    @param leaves The leaves, without the empty ones at the end.
    @param proof The siblings of the run, from below.
    @return bytes32 The seal.
    """
    assert len(leaves) != 0, "run: no leaves"
    width: uint256 = 1
    height: uint256 = 0
    for i: uint256 in range(_MAX_HEIGHT):
        if width >= len(leaves):
            break
        width = width << 1
        height = unsafe_add(height, 1)
    assert start & unsafe_sub(width, 1) == 0, "run: not aligned"
    # By height, the left node that waits for its right one.
    waiting: INodeReward.Sum[_MAX_HEIGHT + 1] = empty(INodeReward.Sum[_MAX_HEIGHT + 1])
    high: uint256 = 0
    for i: uint256 in range(width, bound=MAX_RUN):
        # What is beyond the leaves is empty.
        hashed: bytes32 = empty(bytes32)
        sum: uint256 = 0
        if i < len(leaves):
            leaf: IRewardPayout.Due = leaves[i]
            hashed = keccak256(abi_encode(leaf))
            sum = leaf.sums
            # Checked below, as in `sum_tree._climb`.
            high = unsafe_add(high, sum >> 128)
        # Half of all nodes are left leaves: for those no loop.
        if i & 1 == 0:
            waiting[0] = INodeReward.Sum(hashed=hashed, sums=sum)
            continue
        hashed = keccak256(abi_encode(waiting[0].hashed, waiting[0].sums, hashed, sum))
        sum = unsafe_add(waiting[0].sums, sum)
        for level: uint256 in range(1, _MAX_HEIGHT + 1):
            if (i >> level) & 1 == 0:
                waiting[level] = INodeReward.Sum(hashed=hashed, sums=sum)
                break
            left: INodeReward.Sum = waiting[level]
            hashed = keccak256(abi_encode(left.hashed, left.sums, hashed, sum))
            sum = unsafe_add(left.sums, sum)
    total: uint256 = waiting[height].sums
    assert total >> 128 == high, "run: sum overflows"
    top: bytes32 = empty(bytes32)
    top, total = sum_tree._climb(waiting[height].hashed, total, start >> height, proof)
    depth: uint256 = unsafe_add(height, len(proof))
    return sum_tree._seal(top, total, depth)
