# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title Payment of rewards
@custom:contract-name reward_payout
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice A run of leaves is hashed to its subtree and proven with the rest, so that a
        node's share of a proof is small; a bitmap keeps what was paid.
@dev    Leaves of one operator stand side by side and are paid by one transfer.
        All paths of a tree add up to one total, which is in the seal. So
        whatever a root says, no more than that is ever paid under it.
"""

from contracts.interfaces import INodeReward
from contracts.interfaces import IRewardPayout
from contracts.lib import leaf_runs
from contracts.lib import sum_tree
from contracts.modules import reward_credits
from contracts.modules import reward_epochs

implements: IRewardPayout
uses: reward_credits
uses: reward_epochs


# @dev epoch << 32 | index // 256 -> a bit for each leaf that was paid or swept.
_paid: HashMap[uint256, uint256]

treasury: public(address)


@deploy
def __init__(treasury: address):
    """
    @dev Names who is paid what nobody fetched.
    @param treasury The treasury.
    """
    self._set_treasury(treasury)


@external
def pay(
    epoch: uint256,
    start: uint256,
    leaves: DynArray[IRewardPayout.Due, leaf_runs.MAX_RUN],
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
) -> uint256:
    root: bytes32 = reward_epochs._roots[epoch]
    assert root != empty(bytes32), "payout: epoch is not paid"
    assert leaf_runs._seal(start, leaves, proof) == root, "payout: not in the tree"
    bits: uint256 = self._mark(epoch, start, len(leaves))
    total: uint256 = 0
    due: uint256 = 0
    operator: uint256 = 0
    for leaf: IRewardPayout.Due in leaves:
        if bits & 1 == 0:
            if leaf.operator != operator:
                reward_credits._send(operator, due)
                operator = leaf.operator
                due = 0
            amount: uint256 = leaf.sums & sum_tree.U128
            # Together no more than the root's total.
            due = unsafe_add(due, amount)
            total = unsafe_add(total, amount)
        bits = bits >> 1
    reward_credits._send(operator, due)
    log IRewardPayout.RunPaid(epoch=epoch, start=start, leaves=len(leaves), amount=total)
    return total


@external
def pay_one(
    epoch: uint256,
    index: uint256,
    leaf: IRewardPayout.Due,
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
) -> uint256:
    root: bytes32 = reward_epochs._roots[epoch]
    assert root != empty(bytes32), "payout: epoch is not paid"
    hashed: bytes32 = keccak256(abi_encode(leaf.operator, leaf.detail, leaf.sums))
    top: bytes32 = empty(bytes32)
    total: uint256 = 0
    top, total = sum_tree._climb(hashed, leaf.sums, index, proof)
    assert sum_tree._seal(top, total, len(proof)) == root, "payout: not in the tree"
    self._mark(epoch, index, 1)
    amount: uint256 = leaf.sums & sum_tree.U128
    reward_credits._send(leaf.operator, amount)
    log IRewardPayout.LeafPaid(epoch=epoch, index=index, amount=amount)
    return amount


@external
def sweep(
    epoch: uint256,
    start: uint256,
    leaves: DynArray[IRewardPayout.Due, leaf_runs.MAX_RUN],
    proof: DynArray[INodeReward.Sum, sum_tree.MAX_DEPTH],
) -> uint256:
    root: bytes32 = reward_epochs._expired_roots[epoch]
    assert root != empty(bytes32), "payout: epoch is not expired"
    assert leaf_runs._seal(start, leaves, proof) == root, "payout: not in the tree"
    bits: uint256 = self._mark(epoch, start, len(leaves))
    total: uint256 = 0
    for leaf: IRewardPayout.Due in leaves:
        if bits & 1 == 0:
            # Together no more than the root's total.
            total = unsafe_add(total, leaf.sums & sum_tree.U128)
        bits = bits >> 1
    log IRewardPayout.RunSwept(epoch=epoch, start=start, leaves=len(leaves), amount=total)
    reward_credits._send(convert(self.treasury, uint256), total)
    return total


@external
@view
def is_paid(epoch: uint256, index: uint256) -> bool:
    return (self._paid[epoch << 32 | index >> 8] >> (index & 255)) & 1 == 1


@internal
def _mark(epoch: uint256, start: uint256, count: uint256) -> uint256:
    """
    @dev Marks leaves as paid.
    @param epoch The epoch.
    @param start The first of them.
    @param count How many, at most 128; with `start` aligned all in one word.
    @return uint256 The bits before that, of `start` in the lowest.
    """
    # No place of a proven leaf has more than 24 bits.
    at: uint256 = epoch << 32 | start >> 8
    bits: uint256 = self._paid[at]
    marked: uint256 = bits | ((1 << count) - 1) << (start & 255)
    assert marked != bits, "payout: all are paid"
    self._paid[at] = marked
    return bits >> (start & 255)


@internal
def _set_treasury(treasury: address):
    """
    @dev Replaces the treasury.
    @param treasury The new one.
    """
    assert treasury != empty(address), "payout: zero treasury"
    log INodeReward.TreasuryChanged(old_treasury=self.treasury, new_treasury=treasury)
    self.treasury = treasury
