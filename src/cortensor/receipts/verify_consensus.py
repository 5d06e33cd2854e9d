# SPDX-License-Identifier: Apache-2.0
"""The check of the consensus: everything stated of it follows from the replica entries.

Beyond recomputing the decision: an entry holds what its rule weighs by and nothing else, time and
cost are those of the entry, and an adaptive run stopped where it says, for a reason that holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.consensus import (
    ABSTAIN,
    COST,
    EMBEDDING,
    ENSEMBLE_MODEL,
    FAILED,
    LATENCY,
    MAJORITY,
    NO_CONSENSUS,
    PARTIES,
    REPUTATION,
    SCORE,
    STAKE,
    WEIGHTED,
    recompute,
)
from cortensor.consensus.adaptive import is_settled_by_count
from cortensor.consensus.equivalence import JSON
from cortensor.errors import InvalidInput
from cortensor.pricing import Terms
from cortensor.receipts.body import BODY_FORMAT, LIKENESS_FORMAT
from cortensor.receipts.checks import differ, judge
from cortensor.receipts.evidence import OK
from cortensor.receipts.likeness import LikenessBlock
from cortensor.receipts.rule import AdaptiveBlock, CalibrationBlock, WeighingBlock
from cortensor.receipts.tiers import ADAPTIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cortensor.consensus import Decision
    from cortensor.receipts.body import Body, Replica
    from cortensor.receipts.bundle import Bundle
    from cortensor.receipts.checks import Check

NAME = "consensus"
TWO = 2
VERDICTS = ("VALID", "INVALID")
"""All verdicts a validation asks for."""


def check_consensus(bundle: Bundle) -> Check:
    """Votes, agreement, confidence, winner and dissent follow from the replica entries."""
    body = bundle.receipt
    block = body.consensus
    if body.format == BODY_FORMAT and (block.strategy != MAJORITY or block.n_history != 0):
        problem = f"format 1 holds {MAJORITY} without history, not {block.strategy}"
        return judge(NAME, [problem], "")
    found = recompute(body.to_json())
    decision = found.decision
    problems = list(found.differences)
    if body.format != BODY_FORMAT:
        problems += _compare_rule(bundle, decision)
    return judge(
        NAME,
        problems,
        f"{decision.outcome}: {len(decision.winner)} of {decision.replicas} agree, "
        f"agreement {decision.agreement_bps} bps, confidence {decision.confidence_bps} bps",
    )


def _compare_rule(bundle: Bundle, decision: Decision) -> Iterator[str]:
    body = bundle.receipt
    block, weighing, calibration = (
        body.consensus,
        body.consensus.weighing,
        body.consensus.calibration,
    )
    if not isinstance(weighing, WeighingBlock) or not isinstance(calibration, CalibrationBlock):
        return
    for name, stated, expected in (
        ("strategy", block.strategy, weighing.strategy),
        ("confidence_method", block.confidence_method, calibration.method),
        ("n_history", block.n_history, calibration.n_history),
    ):
        yield from differ(f"consensus.{name}", stated, expected, "the rule says")
    if decision.calibration.method != calibration.method:
        yield (
            f"consensus.calibration.method says {calibration.method}, "
            f"the replicas give {decision.calibration.method}"
        )
    if len(decision.groups) < TWO and weighing.correlation_bps:
        yield "consensus.weighing.correlation_bps is of two votes and more"
    yield from _compare_block(body, weighing)
    for replica in body.replicas:
        yield from _compare_entry(bundle, weighing, decision, replica)
    if (isinstance(block.adaptive, AdaptiveBlock)) != (body.policy.tier == ADAPTIVE):
        yield f"consensus.adaptive is there exactly where the tier is {ADAPTIVE}"
    elif isinstance(block.adaptive, AdaptiveBlock):
        yield from _compare_stop(body, block.adaptive, decision)


def _compare_block(body: Body, weighing: WeighingBlock) -> Iterator[str]:
    block = body.consensus
    if weighing.fallback is not None and weighing.strategy != MAJORITY:
        yield "consensus.weighing.fallback is set, and no majority was applied"
    if bool(weighing.priors) != (weighing.strategy == ENSEMBLE_MODEL):
        yield "consensus.weighing.priors are those of ensemble_model, and of no other strategy"
    if block.least_confidence_bps is not None and body.endpoint != "validate":
        yield "consensus.least_confidence_bps is for arbitration, a validation"
    if block.equivalence != SCORE and (block.scale, block.value, block.interval) != (None,) * 3:
        yield "consensus.scale, value and interval are those of scores"
    yield from _compare_likeness(body)
    yield from differ("consensus.labels", block.labels, _labels(body, weighing), "the rule has")


def _compare_likeness(body: Body) -> Iterator[str]:
    block = body.consensus
    if (block.equivalence == EMBEDDING) != isinstance(block.likeness, LikenessBlock):
        yield f"consensus.likeness is that of {EMBEDDING}, and of no other equivalence"
    if block.tolerance_millionths and block.equivalence != JSON.name:
        yield f"consensus.tolerance_millionths is for {JSON.name}"
    if body.format == LIKENESS_FORMAT and not block.tolerance_millionths and not block.likeness:
        yield f"{LIKENESS_FORMAT} is for a tolerance or similarities"


def _labels(body: Body, weighing: WeighingBlock) -> list[str] | None:
    """Return the closed list of labels: of disputes, and of verdicts that are not just counted."""
    block = body.consensus
    if block.least_confidence_bps is not None:
        return list(PARTIES)
    counted = weighing.strategy == MAJORITY and weighing.fallback is None
    if body.endpoint != "validate" or (counted and block.non_vote_rule == ABSTAIN):
        return None
    return list(VERDICTS)


def _compare_entry(
    bundle: Bundle, weighing: WeighingBlock, decision: Decision, replica: Replica
) -> Iterator[str]:
    where = f"replicas[{replica.index}]"
    by = weighing.weight_by if weighing.strategy == WEIGHTED else None
    for name, is_for in (
        ("weight_micro", by == REPUTATION),
        ("likelihoods", weighing.strategy == ENSEMBLE_MODEL),
        ("preference", by in {STAKE, LATENCY, COST}),
        ("value", bundle.receipt.consensus.equivalence == SCORE),
    ):
        if not is_for and getattr(replica, name) is not None:
            yield f"{where}.{name} is nothing that {weighing.strategy} uses"
    if bundle.receipt.consensus.equivalence == SCORE:
        yield from differ(
            f"{where}.cluster", replica.cluster, decision.cluster_of(replica.index), "scores give"
        )
    if by == LATENCY:
        yield from differ(
            f"{where}.preference", replica.preference, str(replica.latency_ms), "latency_ms is"
        )
    if by == COST:
        cost = str(cost_wei(bundle, replica))
        yield from differ(f"{where}.preference", replica.preference, cost, "card and units give")


def cost_wei(bundle: Bundle, replica: Replica) -> int:
    """Return what a replica's tokens cost by the card, in wei; nothing if it did not deliver.

    Raises:
        InvalidInput: the card has no such model class.
    """
    if replica.status != OK:
        return 0
    card, terms = bundle.rate_card(), Terms.unpack(int(bundle.receipt.bill.terms, 16))
    if terms.model_class >= len(card.input_unit_wei):
        raise InvalidInput("is not one the card has", field="terms.model_class")
    return (
        replica.input_units * card.input_unit_wei[terms.model_class]
        + replica.output_units * card.output_unit_wei[terms.model_class]
    )


def _compare_stop(body: Body, adaptive: AdaptiveBlock, decision: Decision) -> Iterator[str]:
    plan, ran = adaptive.plan, len(body.replicas)
    if plan != sorted(set(plan)) or plan[-1] != body.consensus.replicas_requested:
        yield "consensus.adaptive.plan does not ascend to the replicas asked for"
        return
    if adaptive.reason in {"unavailable", "deadline"}:
        return  # what no receipt can show, as with every replica that did not run
    is_open = decision.outcome in {NO_CONSENSUS, FAILED}
    is_confident = not is_open and decision.confidence_bps >= adaptive.stop_bps
    holds = {
        "confident": is_confident,
        "exhausted": ran == plan[-1] and not is_confident,
        "settled": not is_confident and is_settled_by_count(decision, plan[-1] - ran),
    }[adaptive.reason]
    if not holds:
        yield f"consensus.adaptive.reason says {adaptive.reason}, the replicas do not"
