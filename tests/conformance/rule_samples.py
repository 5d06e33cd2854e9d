# SPDX-License-Identifier: Apache-2.0
"""Receipts of format 2: every rule beside the plain majority, in a batch of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import rfc8785

from cortensor.consensus import (
    Calibration,
    Decision,
    EnsembleModel,
    Record,
    Reputation,
    Scale,
    Vote,
    arbitrate,
    decide,
    read_score,
)
from cortensor.consensus.confidence import Fit
from cortensor.pricing import CONSENSUS_METHODS
from cortensor.receipts.rule import AdaptiveBlock, RuleUsed
from tests.conformance.samples import CARD, Job, anchor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.receipts import ReplicaRun

VERDICTS = ("VALID", "INVALID")
REPUTATION = Reputation(
    records={
        "201": Record(right=95, total=100, audited=100),
        "202": Record(right=60, total=100, audited=100),
        "203": Record(right=55, total=100, audited=20),
        "204": Record(right=9, total=12),
    },
    gold_items=100,
)
YOUNG = Reputation(records=REPUTATION.records, gold_items=24)
MODEL = EnsembleModel(
    items={"VALID": 60, "INVALID": 40},
    raters={
        "201": {"VALID": {"VALID": 55, "INVALID": 5}, "INVALID": {"VALID": 4, "INVALID": 36}},
        "202": {"VALID": {"VALID": 30, "INVALID": 30}, "INVALID": {"VALID": 15, "INVALID": 25}},
    },
    version="100 gold items",
)
FITTED = Calibration(
    strategy="weighted",
    weight_by="reputation",
    n_history=100,
    version="2026-11",
    fits={3: Fit(temperature_bps=13_000, ece_bps=120, brier_bps=900)},
)
SCORE: dict[str, Any] = {"field": "total", "decimals": 2, "tolerance": 5, "lowest": 0}


@dataclass(frozen=True)
class RuleJob(Job):
    """A job under another rule: `rule` is for `decide`, `consensus` what the request says of it."""

    rule: dict[str, Any] = field(default_factory=dict)
    consensus: dict[str, Any] = field(default_factory=dict)
    adaptive: AdaptiveBlock | None = None
    mode: str | None = None

    def request(self) -> tuple[bytes, str]:
        """Return the request's salt and canonical text."""
        salt, text = super().request()
        call = json.loads(text)
        body = call["request"]
        body["consensus"] = {**body.get("consensus", {}), **self.consensus}
        if "strategy" in self.consensus and "score" in self.consensus:
            body["consensus"].pop("equivalence", None)
        if self.adaptive is not None:
            body["consensus"].pop("replicas", None)
            body["consensus"].pop("session_pool", None)
        if self.mode is not None:
            body["mode"] = self.mode
        return salt, rfc8785.dumps(call).decode()

    def decide(self, runs: Sequence[ReplicaRun]) -> Decision:
        """Return the decision over the runs."""
        level = self.terms.get("model_class", 0)
        votes = [
            Vote(
                index=run.index,
                status=run.status,
                label=run.verdict,
                text=run.output,
                value=self.value(run),
                rater=run.session_id,
                model=run.model,
                prompt=f"prompt {run.index}",
                stake=10**18 * (run.index + 1),
                latency_ms=run.latency_ms,
                cost=run.input_units * CARD.input_unit_wei[level]
                + run.output_units * CARD.output_unit_wei[level],
            )
            for run in runs
        ]
        rule = {"policy": self.policy, **self.rule}
        if self.mode is not None:
            return arbitrate(votes, **rule)
        if self.endpoint == "delegate" and "scale" not in rule:
            rule["equivalence"] = self.equivalence
        return decide(votes, **rule)

    def value(self, run: ReplicaRun) -> int | None:
        """Return a run's score, None if it has none."""
        if "scale" not in self.rule or run.output is None:
            return None
        return read_score(run.output, SCORE["field"], SCORE["decimals"])

    def used(self, runs: Sequence[ReplicaRun]) -> RuleUsed:
        """Return what the receipt says of the rule beyond the decision."""
        if "scale" not in self.rule:
            least = 7_000 if self.mode is not None else None
            return RuleUsed(least_confidence_bps=least, adaptive=self.adaptive)
        values = {run.index: self.value(run) for run in runs}
        return RuleUsed(
            score_field=SCORE["field"],
            score_decimals=SCORE["decimals"],
            scale=self.rule["scale"],
            values={index: value for index, value in values.items() if value is not None},
        )


def validation(name: str, verdicts: Sequence[str | None], rule: dict[str, Any]) -> RuleJob:
    """Return a validation under a rule, whose names are the request's own."""
    return RuleJob(
        name,
        verdicts,
        endpoint="validate",
        verdicts=verdicts,
        rule={"labels": VERDICTS, **rule},
        consensus={name: rule[name] for name in ("strategy", "weight_by") if name in rule},
        terms={"consensus_method": CONSENSUS_METHODS.index(rule["strategy"])},
    )


def adaptive(name: str, verdicts: Sequence[str], stop_bps: int, reason: Any) -> RuleJob:
    """Return an adaptive validation by majority that stopped after these verdicts."""
    return RuleJob(
        name,
        verdicts,
        endpoint="validate",
        verdicts=verdicts,
        missing=5 - len(verdicts),
        tier="adaptive",
        adaptive=AdaptiveBlock(plan=[1, 3, 5], stop_bps=stop_bps, reason=reason),
    )


SPLIT = ["VALID", "INVALID", "INVALID"]
"""The best rater against two weak ones."""

RULE_JOBS: tuple[RuleJob, ...] = (
    validation("weighted", SPLIT, {"strategy": "weighted", "reputation": REPUTATION}),
    validation(
        "weighted-fitted",
        SPLIT,
        {"strategy": "weighted", "reputation": REPUTATION, "calibration": FITTED},
    ),
    validation("ensemble", SPLIT, {"strategy": "ensemble_model", "model": MODEL}),
    validation("stake", ["VALID", "INVALID", None], {"strategy": "weighted", "weight_by": "stake"}),
    validation(
        "latency", ["VALID", "INVALID", None], {"strategy": "weighted", "weight_by": "latency"}
    ),
    RuleJob(
        "cost",
        ["a long answer", "short", None],
        rule={"strategy": "weighted", "weight_by": "cost"},
        consensus={"strategy": "weighted", "weight_by": "cost"},
        terms={"consensus_method": 1},
    ),
    RuleJob(
        "fallback",
        SPLIT,
        endpoint="validate",
        verdicts=SPLIT,
        rule={"strategy": "weighted", "reputation": YOUNG, "labels": VERDICTS},
        consensus={"aggregation": "weighted"},
    ),
    RuleJob(
        "against",
        ["VALID", None, None],
        endpoint="validate",
        verdicts=["VALID", None, None],
        rule={"non_votes": "against", "labels": VERDICTS},
        consensus={"non_votes": "against"},
    ),
    RuleJob(
        "scores",
        ['{"total": 19.50}', '{"total": 19.49}', '{"total": 950.00}'],
        rule={"strategy": "median", "scale": Scale(tolerance=5, bounds=(0, 10**6))},
        consensus={"strategy": "median", "score": {**SCORE, "highest": 10**6}},
        terms={"consensus_method": 2},
    ),
    RuleJob(
        "ruling",
        ["SELLER_INVALID"] * 3,
        endpoint="validate",
        verdicts=["SELLER_INVALID"] * 3,
        mode="arbitration",
    ),
    RuleJob(
        "no-ruling",
        ["SELLER_VALID", "SELLER_VALID", "SELLER_INVALID"],
        endpoint="validate",
        verdicts=["SELLER_VALID", "SELLER_VALID", "SELLER_INVALID"],
        mode="arbitration",
    ),
    adaptive("adaptive", ["VALID"] * 3, 8_000, "confident"),
    adaptive("adaptive-settled", ["VALID"] * 3, 9_000, "settled"),
    adaptive("adaptive-exhausted", ["VALID", *SPLIT, "VALID"], 8_000, "exhausted"),
)

MORE_SCORES = [f'{{"total": {cents // 100}.{cents % 100:02d}}}' for cents in (1950, 1949, 95_000)]
NUMERIC_JOBS = tuple(
    RuleJob(
        strategy.replace("_", "-"),
        [*MORE_SCORES, '{"total": 19.52}', '{"total": 19.48}'],
        rule={"strategy": strategy, "scale": Scale(tolerance=5, bounds=(0, 10**6))},
        consensus={"strategy": strategy, "score": {**SCORE, "highest": 10**6}},
        terms={"consensus_method": CONSENSUS_METHODS.index(strategy)},
    )
    for strategy in ("median_of_means", "trimmed_mean")
)


def rule_bundles() -> dict[str, dict[str, Any]]:
    """Return every job's bundle by name, anchored in one batch."""
    return _anchored(RULE_JOBS)


def numeric_bundles() -> dict[str, dict[str, Any]]:
    """Return the bundles of the other strategies over scores, in a batch of their own."""
    return _anchored(NUMERIC_JOBS)


def _anchored(jobs: Sequence[RuleJob]) -> dict[str, dict[str, Any]]:
    bundles = anchor([job.bundle() for job in jobs])
    return {job.name: data for job, data in zip(jobs, bundles, strict=True)}
