# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Challenges of reward roots
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Whoever holds the tree of a root that NodeReward has posted proves here
        that it breaks a rule; that overthrows it, and half of the proposer's bond is
        the prover's.
@dev    Proofs about the tree: modules/reward_tree_proofs.vy. About a leaf:
        modules/reward_leaf_proofs.vy. A contract of its own since the two do not
        fit into one.
@custom:security No owner, no setting, no money. Trusted are NodeReward to say what is
                 posted and what was final before, and NodeReputation never to change
                 an answer about a time that is over. A proof that is copied out of
                 the mempool costs its finder the reward; the root falls all the
                 same.
@custom:kill Nothing to switch off. A faulty one is replaced by deploying a NodeReward
             that names another; the guardian's veto ends a wrong root meanwhile.
@custom:invariants
        INV-X1 A root that follows the rules from its inputs is overthrown by no
        proof, where INV-W5 holds.
        INV-X2 A root whose tree breaks a rule, in whatever place, is overthrown by
        who holds the tree, with one call.
        INV-X3 No proof needs a deposit, and who brings one that fails loses gas.
"""

from contracts.modules import posted_root
from contracts.modules import reward_leaf_proofs
from contracts.modules import reward_tree_proofs

initializes: posted_root
initializes: reward_tree_proofs[posted_root := posted_root]
initializes: reward_leaf_proofs[posted_root := posted_root]

exports: (
    posted_root.REWARD,
    reward_leaf_proofs.challenge_formula,
    reward_leaf_proofs.challenge_new,
    reward_leaf_proofs.challenge_operator,
    reward_leaf_proofs.challenge_prior,
    reward_leaf_proofs.challenge_unregistered,
    reward_tree_proofs.challenge_budget,
    reward_tree_proofs.challenge_leaf_sum,
    reward_tree_proofs.challenge_left_out,
    reward_tree_proofs.challenge_order,
    reward_tree_proofs.challenge_padding,
    reward_tree_proofs.challenge_sum,
)


@deploy
def __init__(reward: address):
    """
    @notice Deploys the challenges of a NodeReward.
    @param reward NodeReward.
    """
    posted_root.__init__(reward)
