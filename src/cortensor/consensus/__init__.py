# SPDX-License-Identifier: Apache-2.0
"""Consensus among replicas: pure functions of the votes, in integers.

Specification with reasons: docs/spec/consensus.md.
"""

from cortensor.consensus.equivalence import RUNGS, parse_json
from cortensor.consensus.majority import (
    BEST_EFFORT,
    DEFAULT_THRESHOLD_BPS,
    FAIL_HARD,
    POLICIES,
    RETURN_ALL,
    VERDICT,
    agreement_bps,
    decide_answers,
    decide_groups,
    decide_verdicts,
    laplace_confidence_bps,
)
from cortensor.consensus.recompute import Recomputed, recompute
from cortensor.consensus.vote import (
    ERROR,
    FAILED,
    NO_CONSENSUS,
    OK,
    STATUSES,
    TIMEOUT,
    Decision,
    Vote,
)

__all__ = [
    "BEST_EFFORT",
    "DEFAULT_THRESHOLD_BPS",
    "ERROR",
    "FAILED",
    "FAIL_HARD",
    "NO_CONSENSUS",
    "OK",
    "POLICIES",
    "RETURN_ALL",
    "RUNGS",
    "STATUSES",
    "TIMEOUT",
    "VERDICT",
    "Decision",
    "Recomputed",
    "Vote",
    "agreement_bps",
    "decide_answers",
    "decide_groups",
    "decide_verdicts",
    "laplace_confidence_bps",
    "parse_json",
    "recompute",
]
