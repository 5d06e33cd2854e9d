# SPDX-License-Identifier: Apache-2.0
"""From finished replicas to a decision: the strategy the request asks for, by one history."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cortensor.consensus import (
    ABSTAIN,
    DEFAULT_LEAST_BPS,
    MAJORITY,
    NUMERIC,
    OK,
    VERDICT,
    Scale,
    Vote,
    arbitrate,
    decide,
)
from cortensor.consensus.reputation import MIN_GOLD_ITEMS
from cortensor.receipts.rule import RuleUsed
from cortensor.router.consensus_schemas import ScoreRequest
from cortensor.router.history import applied, weight_of
from cortensor.router.prompts import INVALID, VALID, is_dispute
from cortensor.router.request_checks import equivalence_of
from cortensor.router.schemas import ValidateRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cortensor.consensus import Decision, Embedding
    from cortensor.receipts.rule import AdaptiveBlock
    from cortensor.router.consensus_schemas import ConsensusRequest
    from cortensor.router.fanout import Replica
    from cortensor.router.history import History
    from cortensor.router.quoting import Quote
    from cortensor.router.schemas import DelegateRequest

    Rule = Callable[[Sequence[Vote]], Decision]

COR_WEI = 10**18


def is_counted(consensus: ConsensusRequest) -> bool:
    """Return whether nothing but the votes counts: a majority in which non-votes abstain."""
    return consensus.strategy == MAJORITY and consensus.non_votes == ABSTAIN


def rule_of(
    request: DelegateRequest | ValidateRequest,
    history: History,
    embedding: Embedding | None = None,
) -> Rule:
    """Return the rule of a request: from votes to their decision.

    Args:
        request: the request.
        history: what is known of the compute sessions.
        embedding: for answers that are compared by meaning.
    """
    consensus = request.consensus
    method = applied(consensus, history)
    weight_by = weight_of(consensus)
    rule = partial(
        decide,
        strategy=consensus.strategy,
        weight_by=weight_by,
        policy=consensus.disagreement_policy,
        threshold_bps=consensus.agreement_threshold_bps,
        non_votes=consensus.non_votes,
        calibration=history.calibration(method, weight_by if method != MAJORITY else None),
    )
    if not is_counted(consensus):
        rule = partial(rule, reputation=history.reputation, model=history.model)
    if is_dispute(request):
        least = consensus.least_confidence_bps
        least = DEFAULT_LEAST_BPS if least is None else least
        return partial(arbitrate, least_confidence_bps=least, **rule.keywords)
    if isinstance(request, ValidateRequest):
        labels = None if is_counted(consensus) else (VALID, INVALID)
        return partial(rule, equivalence=VERDICT, labels=labels)
    if consensus.strategy in NUMERIC:
        return partial(rule, scale=scale_of(consensus))
    return partial(
        rule,
        equivalence=equivalence_of(request),
        tolerance_millionths=consensus.tolerance_millionths or 0,
        embedding=embedding,
    )


def stop_of(consensus: ConsensusRequest, history: History) -> int | None:
    """Return the confidence that ends an adaptive run, where a calibration found one."""
    method = applied(consensus, history)
    weight_by = weight_of(consensus) if method != MAJORITY else None
    fitted = history.calibration(method, weight_by)
    return None if fitted is None or fitted.n_history < MIN_GOLD_ITEMS else fitted.stop_bps


def scale_of(consensus: ConsensusRequest) -> Scale:
    """Return what the request's scores mean."""
    score = consensus.score or ScoreRequest()
    low, high = score.lowest, score.highest
    return Scale(
        tolerance=score.tolerance,
        bounds=None if low is None or high is None else (low, high),
    )


def votes_of(
    request: DelegateRequest | ValidateRequest, replicas: Sequence[Replica], quote: Quote
) -> list[Vote]:
    """Return the replicas as consensus sees them.

    A plain majority sees who said what and nothing else, so that its receipt needs nothing else.
    """
    if is_counted(request.consensus):
        return [_plain(replica) for replica in replicas]
    return [
        Vote(
            index=r.index,
            status=r.status,
            label=r.reading.verdict if r.reading else None,
            text=r.text,
            value=r.reading.score if r.reading and r.status == OK else None,
            rater=r.session.id,
            model=r.completion.model if r.completion else r.session.model,
            prompt=r.session.system_prompt,
            stake=r.session.stake_cor * COR_WEI,
            latency_ms=r.latency_ms,
            cost=cost_wei(r, quote),
        )
        for r in replicas
    ]


def _plain(replica: Replica) -> Vote:
    return Vote(
        index=replica.index,
        status=replica.status,
        label=replica.reading.verdict if replica.reading else None,
        text=replica.text,
    )


def cost_wei(replica: Replica, quote: Quote) -> int:
    """Return what a replica's tokens cost by the card, in wei; nothing if it did not deliver."""
    done = replica.completion
    if done is None or replica.status != OK:
        return 0
    card, level = quote.card, quote.terms.model_class
    return (
        done.input_units * card.input_unit_wei[level]
        + done.output_units * card.output_unit_wei[level]
    )


def rule_used(
    request: DelegateRequest | ValidateRequest,
    replicas: Sequence[Replica],
    adaptive: AdaptiveBlock | None,
) -> RuleUsed | None:
    """Return what the receipt must say beyond the decision; None for a plain majority."""
    consensus = request.consensus
    if is_dispute(request):
        least = consensus.least_confidence_bps
        return RuleUsed(
            least_confidence_bps=DEFAULT_LEAST_BPS if least is None else least, adaptive=adaptive
        )
    if consensus.strategy not in NUMERIC:
        return None if adaptive is None else RuleUsed(adaptive=adaptive)
    score = consensus.score or ScoreRequest()
    return RuleUsed(
        score_field=score.field,
        score_decimals=score.decimals,
        scale=scale_of(consensus),
        values={
            r.index: r.reading.score
            for r in replicas
            if r.status == OK and r.reading and r.reading.score is not None
        },
        adaptive=adaptive,
    )
