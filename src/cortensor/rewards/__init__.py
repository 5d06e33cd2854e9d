# SPDX-License-Identifier: Apache-2.0
"""Rewards: what receipts show of nodes, what that is worth, and the tree that proves it."""

from cortensor.rewards.card import RewardCard
from cortensor.rewards.formula import amount_of, breadth_bps, is_counted, next_level, score_of
from cortensor.rewards.sum_tree import Leaf, Proof, SumTree, lead_to, run_entry, seal, verify
from cortensor.rewards.words import MAX_LEVEL, STAKED, Facts, Sums, Tally

__all__ = [
    "MAX_LEVEL",
    "STAKED",
    "Facts",
    "Leaf",
    "Proof",
    "RewardCard",
    "SumTree",
    "Sums",
    "Tally",
    "amount_of",
    "breadth_bps",
    "is_counted",
    "lead_to",
    "next_level",
    "run_entry",
    "score_of",
    "seal",
    "verify",
]
