# SPDX-License-Identifier: Apache-2.0
"""How results, consensus and replicas are shown in answers; the receipt has the exact numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, structs

from cortensor.consensus import DEFAULT_THRESHOLD_BPS, OK
from cortensor.consensus.fixed_point import percent
from cortensor.pricing import format_cor
from cortensor.receipts.evidence import output_hash
from cortensor.receipts.parties import count_operators
from cortensor.router.deciding import cost_wei
from cortensor.router.schemas import (
    BillResult,
    ConsensusResult,
    MissingReplica,
    ReplicaResult,
    Result,
    Similarity,
)
from cortensor.router.selection import shared_miners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.consensus import Decision, Likeness
    from cortensor.receipts.body import BillBlock, Body
    from cortensor.receipts.rule import AdaptiveBlock
    from cortensor.router.answer import Job
    from cortensor.router.fanout import Ran, Replica
    from cortensor.router.quoting import Quote

BPS = 10_000
MILLI = 1000
MICRO = 1_000_000


def result_of(body: Body, replicas: Sequence[Replica], decision: Decision) -> Result:
    """Return the consolidated answer."""
    chosen = decision.representative
    replica = None if chosen is None else next(r for r in replicas if r.index == chosen)
    is_delegate = body.endpoint == "delegate"
    interval = decision.interval
    return Result(
        outcome=body.result.outcome,
        verdict=body.result.verdict,
        output=replica.text if replica and is_delegate else None,
        data=replica.reading.data if replica and replica.reading and is_delegate else None,
        score=UNSET if decision.value is None else str(decision.value),
        interval=UNSET if interval is None else [str(end) for end in interval],
    )


def consensus_result(
    job: Job, ran: Ran, decision: Decision, adaptive: AdaptiveBlock | None
) -> ConsensusResult:
    """Return the consensus block of the response."""
    shows = job.request.consensus.disagreement_policy == "return_all"
    requested = job.request.consensus.replicas
    unpicked = requested - len(ran.replicas) - len(ran.missing)
    enough = adaptive is not None and adaptive.reason in {"confident", "settled"}
    n_eff = decision.n_eff_milli
    return ConsensusResult(
        replicas_requested=requested,
        replicas=decision.replicas,
        agreement=decision.agreement_bps / BPS,
        strategy=decision.strategy,
        weight_by=decision.weighing.weight_by,
        fallback=decision.weighing.fallback,
        confidence=decision.confidence_bps / BPS,
        confidence_method=decision.calibration.method,
        n_history=decision.calibration.n_history,
        n_eff=None if n_eff is None else n_eff / MILLI,
        non_vote_rule=decision.non_vote_rule,
        verdicts=[_verdict(replica) for replica in ran.replicas],
        disagreement_policy=decision.policy,
        agreement_threshold_bps=decision.threshold_bps,
        equivalence=decision.equivalence,
        votes=decision.votes,
        non_votes=decision.non_votes,
        strong_disagreement=decision.strong_disagreement,
        low_confidence=decision.confidence_bps < DEFAULT_THRESHOLD_BPS
        or decision.strong_disagreement,
        winner=list(decision.winner),
        dissent=list(decision.dissent),
        replica_results=[replica_result(r, decision, job.quote, shows=shows) for r in ran.replicas],
        missing=[MissingReplica(each.reason, each.session.id) for each in ran.missing]
        + [MissingReplica("not_needed" if enough else "no_healthy_session")] * unpicked,
        stopped=None if adaptive is None else adaptive.reason,
        similarities=UNSET if decision.likeness is None else _similarities(decision.likeness),
        shared_miners=shared_miners([replica.session for replica in ran.replicas]),
        attempts=ran.attempts(),
    )


def _similarities(likeness: Likeness) -> list[Similarity]:
    return [
        Similarity(list(pair.replicas), pair.similarity_bps / BPS, pair.gate)
        for pair in likeness.pairs
    ]


def _verdict(replica: Replica) -> str:
    verdict = replica.reading.verdict if replica.reading else None
    return verdict if verdict is not None and replica.status == OK else replica.status


def replica_result(
    replica: Replica, decision: Decision | None, quote: Quote | None, *, shows: bool
) -> ReplicaResult:
    """Return one replica of the response; `shows` includes its text."""
    done = replica.completion
    by_answer = decision is not None and decision.equivalence != "verdict"
    weight = decision.weighing.weights.get(replica.index) if decision else None
    score = replica.reading.score if replica.reading else None
    return ReplicaResult(
        index=replica.index,
        session_id=replica.session.id,
        task_id=replica.task_id,
        status=replica.status,  # type: ignore[arg-type]  # one of the three by construction
        late=replica.late,
        latency_ms=replica.latency_ms,
        input_units=done.input_units if done else 0,
        output_units=done.output_units if done else 0,
        model=done.model if done else (replica.session.model or ""),
        verdict=replica.reading.verdict if replica.reading else None,
        cluster=decision.cluster_of(replica.index) if decision and by_answer else None,
        reason=replica.reason,
        output=done.text if done and shows else None,
        output_hash=output_hash(done.text if done else None),
        score=None if score is None else str(score),
        weight=None if weight is None else weight / MICRO,
        cost_wei=None if quote is None else str(cost_wei(replica, quote)),
        miner=replica.session.miner,
        flags=list(done.flags) if done else [],
        finish_reason=done.finish_reason if done else None,
        tool_calls=list(done.tool_calls) if done and shows else [],
        repairs=done.repairs if done else 0,
    )


def bill_shown(bill: BillBlock) -> BillResult:
    """Return a receipt's bill as the API shows it."""
    return BillResult(
        version=bill.version,
        surcharge_epoch=bill.surcharge_epoch,
        terms=bill.terms,
        usage=bill.usage,
        lines=structs.asdict(bill.lines),
    )


def receipt_line(body: Body) -> str:
    """Return a receipt in one line: what was agreed, by how many, how surely, for how much."""
    block = body.consensus
    operators = count_operators(body.replicas)
    return (
        f"{body.result.outcome}: {len(block.winner)} of {block.replicas} replicas agree "
        f"({percent(block.agreement_bps)}), confidence {percent(block.confidence_bps)}, "
        f"{operators} known operator{'' if operators == 1 else 's'}, "
        f"{format_cor(int(body.bill.charge))} COR"
    )
