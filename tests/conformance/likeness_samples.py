# SPDX-License-Identifier: Apache-2.0
"""Receipts of format 3: answers that are the same without being equal, in a batch of their own.

The similarities are those of the WordLlama vectors, which are exact, so that the files come out the
same on every machine.
"""

from __future__ import annotations

from typing import Any

from cortensor.consensus import Embedding
from cortensor.embedding import load_model
from tests.conformance.rule_samples import REPUTATION, RuleJob
from tests.conformance.samples import anchor

MODEL = load_model()
BY_MEANING = {"embedding": Embedding(MODEL)}

LIKENESS_JOBS: tuple[RuleJob, ...] = (
    RuleJob(
        "meaning",
        [
            "The parcel arrived on Monday.",
            "The parcel arrived, on Monday.",
            "The parcel never arrived on Monday.",
        ],
        equivalence="embedding",
        rule=BY_MEANING,
    ),
    RuleJob(
        "meaning-strict",
        ["The parcel arrived on Monday.", "The package arrived on Monday."],
        equivalence="embedding",
        rule={"embedding": Embedding(MODEL, 500)},
        consensus={"dispersion_bps": 500},
        missing=1,
    ),
    RuleJob(
        "meaning-weighted",
        ["It costs 5 EUR.", "It costs 5 USD.", None, "The price is 5 USD.", ""],
        policy="best_effort",
        equivalence="embedding",
        rule={
            **BY_MEANING,
            "strategy": "weighted",
            "reputation": REPUTATION,
            "non_votes": "against",
        },
        consensus={"strategy": "weighted", "non_votes": "against"},
        terms={"consensus_method": 1},
    ),
    RuleJob(
        "tolerance",
        ['{"total": 100}', '{"total": 100.5}', '{"total": 200}'],
        equivalence="json",
        rule={"tolerance_millionths": 10_000},
        consensus={"equivalence": "canonical_json", "tolerance_millionths": 10_000},
    ),
)


def likeness_bundles() -> dict[str, dict[str, Any]]:
    """Return every job's bundle by name, anchored in one batch."""
    bundles = anchor([job.bundle() for job in LIKENESS_JOBS])
    return {job.name: data for job, data in zip(LIKENESS_JOBS, bundles, strict=True)}
