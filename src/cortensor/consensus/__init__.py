# SPDX-License-Identifier: Apache-2.0
"""Consensus among replicas: pure functions of the votes, in integers.

`decide` is all of it in one function; `history` fits what it needs from gold items. Specification
with reasons and measurements: docs/spec/consensus.md.
"""

from cortensor.consensus.adaptive import DEFAULT_STOP_BPS, PLAN, Step, fit_stop_bps, next_step
from cortensor.consensus.arbitration import (
    DEFAULT_LEAST_BPS,
    INCONCLUSIVE,
    PARTIES,
    RULINGS,
    SELLER_INVALID,
    SELLER_VALID,
    arbitrate,
    ruling,
)
from cortensor.consensus.calibrate import calibrate
from cortensor.consensus.confidence import Calibration, confidence_bps
from cortensor.consensus.decide import decide
from cortensor.consensus.dependence import Correlation, effective_votes_milli
from cortensor.consensus.ensemble import EnsembleModel
from cortensor.consensus.equivalence import RUNGS, Rung, parse_json
from cortensor.consensus.history import GoldItem, correlation_of, model_of, records_of
from cortensor.consensus.likeness import (
    EMBEDDING,
    POI_DISPERSION_BPS,
    Embedding,
    Likeness,
    TextModel,
    cosine_bps,
)
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
from cortensor.consensus.numeric import NUMERIC, SCORE, Scale
from cortensor.consensus.recompute import Recomputed, block_of, entry_of, is_plain, recompute
from cortensor.consensus.reputation import Record, Reputation
from cortensor.consensus.score import read_score
from cortensor.consensus.tally import COST, ENSEMBLE_MODEL, LATENCY, REPUTATION, STAKE, WEIGHTED
from cortensor.consensus.vote import (
    ABSTAIN,
    ERROR,
    FAILED,
    MAJORITY,
    NO_CONSENSUS,
    NON_VOTE_RULES,
    OK,
    STATUSES,
    TIMEOUT,
    Calibrated,
    Decision,
    Vote,
    Weighing,
)
from cortensor.consensus.weighing import ALIASES, lacking

__all__ = [
    "ABSTAIN",
    "ALIASES",
    "BEST_EFFORT",
    "COST",
    "DEFAULT_LEAST_BPS",
    "DEFAULT_STOP_BPS",
    "DEFAULT_THRESHOLD_BPS",
    "EMBEDDING",
    "ENSEMBLE_MODEL",
    "ERROR",
    "FAILED",
    "FAIL_HARD",
    "INCONCLUSIVE",
    "LATENCY",
    "MAJORITY",
    "NON_VOTE_RULES",
    "NO_CONSENSUS",
    "NUMERIC",
    "OK",
    "PARTIES",
    "PLAN",
    "POI_DISPERSION_BPS",
    "POLICIES",
    "REPUTATION",
    "RETURN_ALL",
    "RULINGS",
    "RUNGS",
    "SCORE",
    "SELLER_INVALID",
    "SELLER_VALID",
    "STAKE",
    "STATUSES",
    "TIMEOUT",
    "VERDICT",
    "WEIGHTED",
    "Calibrated",
    "Calibration",
    "Correlation",
    "Decision",
    "Embedding",
    "EnsembleModel",
    "GoldItem",
    "Likeness",
    "Recomputed",
    "Record",
    "Reputation",
    "Rung",
    "Scale",
    "Step",
    "TextModel",
    "Vote",
    "Weighing",
    "agreement_bps",
    "arbitrate",
    "block_of",
    "calibrate",
    "confidence_bps",
    "correlation_of",
    "cosine_bps",
    "decide",
    "decide_answers",
    "decide_groups",
    "decide_verdicts",
    "effective_votes_milli",
    "entry_of",
    "fit_stop_bps",
    "is_plain",
    "lacking",
    "laplace_confidence_bps",
    "model_of",
    "next_step",
    "parse_json",
    "read_score",
    "recompute",
    "records_of",
    "ruling",
]
