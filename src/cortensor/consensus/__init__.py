# SPDX-License-Identifier: Apache-2.0
"""Consensus among replicas: pure functions of the votes, in integers.

`decide` is all of it in one function; `history` fits what it needs from gold items. Specification
with reasons and measurements: docs/spec/consensus.md.
"""

from cortensor.consensus.adaptive import PLAN, Step, fit_stop_bps, next_step
from cortensor.consensus.arbitration import INCONCLUSIVE, SELLER_INVALID, SELLER_VALID, arbitrate
from cortensor.consensus.calibrate import calibrate
from cortensor.consensus.confidence import Calibration, confidence_bps
from cortensor.consensus.decide import decide
from cortensor.consensus.dependence import Correlation, effective_votes_milli
from cortensor.consensus.ensemble import EnsembleModel
from cortensor.consensus.equivalence import RUNGS, Rung, embedding_rung, parse_json
from cortensor.consensus.history import GoldItem, correlation_of, model_of, records_of
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
from cortensor.consensus.numeric import Scale
from cortensor.consensus.recompute import Recomputed, recompute
from cortensor.consensus.reputation import Record, Reputation
from cortensor.consensus.vote import (
    ERROR,
    FAILED,
    NO_CONSENSUS,
    OK,
    STATUSES,
    TIMEOUT,
    Calibrated,
    Decision,
    Vote,
    Weighing,
)

__all__ = [
    "BEST_EFFORT",
    "DEFAULT_THRESHOLD_BPS",
    "ERROR",
    "FAILED",
    "FAIL_HARD",
    "INCONCLUSIVE",
    "NO_CONSENSUS",
    "OK",
    "PLAN",
    "POLICIES",
    "RETURN_ALL",
    "RUNGS",
    "SELLER_INVALID",
    "SELLER_VALID",
    "STATUSES",
    "TIMEOUT",
    "VERDICT",
    "Calibrated",
    "Calibration",
    "Correlation",
    "Decision",
    "EnsembleModel",
    "GoldItem",
    "Recomputed",
    "Record",
    "Reputation",
    "Rung",
    "Scale",
    "Step",
    "Vote",
    "Weighing",
    "agreement_bps",
    "arbitrate",
    "calibrate",
    "confidence_bps",
    "correlation_of",
    "decide",
    "decide_answers",
    "decide_groups",
    "decide_verdicts",
    "effective_votes_milli",
    "embedding_rung",
    "fit_stop_bps",
    "laplace_confidence_bps",
    "model_of",
    "next_step",
    "parse_json",
    "recompute",
    "records_of",
]
