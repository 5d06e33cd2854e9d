# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Merkle-sum trees of rewards
@custom:contract-name sum_tree
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Every node of the tree sums what lies below it, so what a root allots is
        in the root. The mirror: src/cortensor/rewards/sum_tree.py.

        sums:   amount u128 | score u128
        detail: keccak256(node, facts, tally)
        leaf:   keccak256(operator, detail, sums), 96 bytes
        inner:  keccak256(left hash, left sums, right hash, right sums), 128
        seal:   keccak256(top hash, top sums, depth), 96 bytes

        Leaves stand in rising order of (operator, node); the row is filled up to
        a power of two with empty leaves, whose hash and sums are 0. No leaf at
        all is a tree of one empty leaf. What is kept of a tree is its seal: whoever proves
        a leaf against that has proven the total, and how deep the row lies, too.
@dev    A proof lists the siblings from the leaf up; the index says by its bits on
        which side they are.
"""

from contracts.interfaces import INodeReward

# @dev 16,777,216 leaves.
MAX_DEPTH: constant(uint256) = 24
U128: constant(uint256) = 2**128 - 1


@internal
@pure
def _detail(node: address, facts: uint256, tally: uint256) -> bytes32:
    """
    @dev What a payment need not know of a leaf.
    @param node The node.
    @param facts Its facts (lib/reward_words.vy).
    @param tally Its tally (lib/reward_words.vy).
    @return bytes32 The hash of them.
    """
    return keccak256(abi_encode(node, facts, tally))


@internal
@pure
def _leaf(operator: address, detail: bytes32, sums: uint256) -> bytes32:
    """
    @dev A leaf's hash.
    @param operator Who is paid.
    @param detail The rest of it, hashed.
    @param sums Its amount and score.
    @return bytes32 The hash.
    """
    return keccak256(abi_encode(operator, detail, sums))


@internal
@pure
def _inner(left: bytes32, left_sums: uint256, right: bytes32, right_sums: uint256) -> bytes32:
    """
    @dev An inner node's hash.
    @param left The left child's hash.
    @param left_sums Its sums.
    @param right The right child's hash.
    @param right_sums Its sums.
    @return bytes32 The hash.
    """
    return keccak256(abi_encode(left, left_sums, right, right_sums))


@internal
@pure
def _seal(top: bytes32, sums: uint256, depth: uint256) -> bytes32:
    """
    @dev What is kept of a tree.
    @param top The hash of the uppermost node.
    @param sums Its sums.
    @param depth How many steps a leaf is below it.
    @return bytes32 The seal; never zero.
    """
    return keccak256(abi_encode(top, sums, depth))


@internal
@pure
def _is_sum(sums: uint256, left: uint256, right: uint256) -> bool:
    """
    @dev Whether sums are those of two children.
    @param sums The sums of the parent.
    @param left The left child's.
    @param right The right child's.
    @return bool False, too, where a sum does not fit in 128 bits.
    """
    # Halves of 128 bits: neither addition overflows.
    return (
        unsafe_add(left & U128, right & U128) == sums & U128
        and unsafe_add(left >> 128, right >> 128) == sums >> 128
    )


@internal
@pure
def _climb(
    hashed: bytes32, sums: uint256, index: uint256, proof: DynArray[INodeReward.Sum, MAX_DEPTH]
) -> (bytes32, uint256):
    """
    @dev Walks from a node to the top.
    @param hashed The node's hash.
    @param sums Its sums.
    @param index Its place in its row, from 0.
    @param proof Its siblings, from below.
    @return bytes32 The top's hash.
    @return uint256 The top's sums.
    """
    top: bytes32 = hashed
    total: uint256 = sums
    high: uint256 = sums >> 128
    place: uint256 = index
    for sibling: INodeReward.Sum in proof:
        if place & 1 == 0:
            top = keccak256(abi_encode(top, total, sibling.hashed, sibling.sums))
        else:
            top = keccak256(abi_encode(sibling.hashed, sibling.sums, top, total))
        # Both are checked below, at once for all.
        total = unsafe_add(total, sibling.sums)
        high = unsafe_add(high, sibling.sums >> 128)
        place = place >> 1
    # Of 25 upper halves the sum is exact. A lower half that carried into the upper, at
    # most 24 times, or an upper half that left its 128 bits would differ from it.
    assert total >> 128 == high, "tree: sum overflows"
    # Else one leaf would have several places.
    assert place == 0, "tree: index beyond the row"
    return top, total


@internal
@pure
def _is_in(
    seal: bytes32,
    leaf: bytes32,
    sums: uint256,
    index: uint256,
    proof: DynArray[INodeReward.Sum, MAX_DEPTH],
) -> bool:
    """
    @dev Whether a leaf is in a tree.
    @param seal The tree's.
    @param leaf The leaf's hash; 0 for an empty one.
    @param sums Its sums.
    @param index Its place, from 0.
    @param proof Its siblings, from below.
    @return bool Whether it is at that place.
    """
    top: bytes32 = empty(bytes32)
    total: uint256 = 0
    top, total = self._climb(leaf, sums, index, proof)
    return self._seal(top, total, len(proof)) == seal


@internal
@pure
def _before(index: uint256, proof: DynArray[INodeReward.Sum, MAX_DEPTH]) -> uint256:
    """
    @dev The sums of all leaves that are left of one.
    @param index Its place, from 0.
    @param proof Its siblings, from below; proven.
    @return uint256 The sums.
    """
    sums: uint256 = 0
    place: uint256 = index
    for sibling: INodeReward.Sum in proof:
        if place & 1 == 1:
            # No more than the total that the proof came to.
            sums = unsafe_add(sums, sibling.sums)
        place >>= 1
    return sums


@internal
@pure
def _depth(count: uint256) -> uint256:
    """
    @dev How deep the row of so many leaves lies.
    @param count The leaves that are not empty.
    @return uint256 The least depth of a row that holds them.
    """
    assert count <= 1 << MAX_DEPTH, "tree: too many leaves"
    depth: uint256 = 0
    for i: uint256 in range(MAX_DEPTH):
        if count <= 1 << i:
            break
        depth += 1
    return depth
