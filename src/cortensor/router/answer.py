# SPDX-License-Identifier: Apache-2.0
"""From finished replicas to the answer: decision, bill, receipt, signature, response.

Pure but for the random salts: everything here follows from its arguments.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from cortensor.consensus import NO_CONSENSUS, Decision
from cortensor.errors import Error
from cortensor.pricing import format_cor
from cortensor.receipts.body import ChainBlock, RouterBlock
from cortensor.receipts.build import Priced, build_body, usage_of
from cortensor.receipts.canonical import receipt_urn
from cortensor.receipts.evidence import (
    ReplicaRun,
    evidence_entries,
    request_commitment,
)
from cortensor.receipts.keccak import WORD_BYTES, ZERO_WORD, from_hex, keccak256, to_hex
from cortensor.receipts.sign import sign
from cortensor.receipts.tiers import always_has_receipt
from cortensor.receipts.typed import Domain
from cortensor.router.deciding import rule_used
from cortensor.router.history import NO_HISTORY, History
from cortensor.router.sampling import sampling_of
from cortensor.router.schemas import (
    DelegateRequest,
    PaidResponse,
    ReceiptSummary,
    ValidateRequest,
)
from cortensor.router.showing import bill_shown, consensus_result, receipt_line, result_of
from cortensor.router.tool_traces import trace_hashes
from cortensor.store.records import ReceiptRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.chain.facts import ChainIdentity
    from cortensor.consensus import Embedding
    from cortensor.pricing import Bill, Usage
    from cortensor.receipts.body import AttemptBlock, Body
    from cortensor.receipts.rule import AdaptiveBlock, RuleUsed
    from cortensor.router.fanout import Ran, Replica
    from cortensor.router.keys import Authorisation
    from cortensor.router.quoting import Quote

SALT_BYTES = 32
HTTP_OK = 200
HTTP_CONFLICT = 409


class Signer(Struct, frozen=True):
    """Who signs receipts, and for which contracts."""

    router_id: int
    address: str
    key: str
    chain: ChainIdentity

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of every signature."""
        return Domain(self.chain.chain_id, self.chain.session_payment)


class Job(Struct, frozen=True):
    """A request that is about to run or has run; `spender` is the API key's hash, if any."""

    endpoint: str
    request: DelegateRequest | ValidateRequest
    canonical: bytes
    task_id: str
    quote: Quote
    signed: Authorisation | None = None
    history: History = NO_HISTORY
    embedding: Embedding | None = None
    spender: str | None = None

    def salt_and_commitment(self) -> tuple[bytes, bytes]:
        """Return the request's salt, the caller's if its session has a key, and commitment."""
        if self.signed is not None:
            return self.signed.salt, self.signed.commitment
        salt = secrets.token_bytes(SALT_BYTES)
        return salt, request_commitment(salt, self.canonical)


class Answer(Struct, frozen=True):
    """An HTTP answer to a paid call; `total` is the wei charged to its session so far."""

    status: int
    body: bytes
    receipt_id: str | None = None
    replayed: bool = False
    total: int | None = None


def subject_of(request: DelegateRequest | ValidateRequest) -> bytes:
    """Return what a request says its receipt is about, 32 bytes; zero for nothing."""
    return (
        ZERO_WORD if request.subject is None else from_hex(request.subject, WORD_BYTES, "subject")
    )


def replica_runs(
    request: DelegateRequest | ValidateRequest,
    replicas: Sequence[Replica],
    model: str,
    model_digest: str | None,
) -> list[ReplicaRun]:
    """Return the replicas as receipts record them; text without a vote is evidence too."""
    runs = []
    for r in replicas:
        done = r.completion
        sampling = sampling_of(request, r.session)
        runs.append(
            ReplicaRun(
                index=r.index,
                session_id=r.session.id,
                task_id=r.task_id,
                status=r.status,
                late=r.late,
                verdict=r.reading.verdict if r.reading else None,
                output=done.text if done else None,
                model=done.model if done else (r.session.model or model),
                model_digest=model_digest,
                miner=r.session.miner,
                seed=sampling.seed,
                temperature_bps=sampling.temperature_bps,
                input_units=done.input_units if done else 0,
                output_units=done.output_units if done else 0,
                latency_ms=r.latency_ms,
            )
        )
    return runs


def price(job: Job, runs: Sequence[ReplicaRun]) -> tuple[Usage, Bill]:
    """Bill the actual usage.

    Raises:
        Error: the bill exceeds the quote, which the bounds on usage rule out.
    """
    usage = usage_of(runs, job.quote.terms.replicas)
    bill = job.quote.price(usage)
    if bill.total > job.quote.bill.total:
        raise Error("the bill exceeds the quote; nothing was charged", code="quote_exceeded")
    return usage, bill


def make_receipt(
    job: Job,
    runs: Sequence[ReplicaRun],
    billed: tuple[Usage, Bill],
    salted: tuple[bytes, bytes],
    *,
    decision: Decision,
    signer: Signer,
    now: int,
    attempts: Sequence[AttemptBlock] = (),
    tool_traces: Sequence[bytes] = (),
    rule: RuleUsed | None = None,
) -> tuple[Body, ReceiptRecord]:
    """Make a job's receipt, and sign it.

    Args:
        job: the job.
        runs: its replicas.
        billed: what they used, and what that costs.
        salted: the request's salt and its commitment.
        decision: over these runs.
        signer: who signs.
        now: unix seconds.
        attempts: runs beside the replicas.
        tool_traces: keccak256 of each tool trace.
        rule: what the decision does not say of its rule.
    """
    usage, bill = billed
    fresh = secrets.token_bytes(SALT_BYTES * len(runs))  # one call of the system for all
    salts = [fresh[at : at + SALT_BYTES] for at in range(0, len(fresh), SALT_BYTES)]
    request_salt, commitment = salted
    body = build_body(
        endpoint=job.endpoint,
        issued_at=now,
        chain=ChainBlock(
            chain_id=signer.chain.chain_id,
            session_payment=signer.chain.session_payment,
            table=signer.chain.table,
            receipt_anchor=signer.chain.receipt_anchor,
        ),
        router=RouterBlock(router_id=signer.router_id, signer=signer.address),
        session=int(job.request.session_id, 16),
        task_id=job.task_id,
        request_commitment=commitment,
        runs=runs,
        salts=salts,
        decision=decision,
        priced=Priced(
            version=job.quote.version,
            surcharge_epoch=job.quote.surcharge.epoch,
            terms=job.quote.terms,
            usage=usage,
            bill=bill,
        ),
        subject=subject_of(job.request),
        tier=job.request.policy.tier,
        tool_traces=tool_traces,
        rule=rule,
        attempts=attempts,
    )
    written = body.canonical()
    receipt_id = to_hex(keccak256(written))
    struct = body.struct(receipt_id)
    digest = struct.digest(signer.domain)
    return body, ReceiptRecord(
        receipt_id=receipt_id,
        session=job.request.session_id,
        version=job.quote.version,
        charge=struct.charge,
        digest=to_hex(digest),
        signature=to_hex(sign(signer.key, digest)),
        body=written,
        struct=msgspec.json.encode(struct.to_json()),
        evidence=msgspec.json.encode(evidence_entries(runs, salts)),
        request=msgspec.json.encode(
            {"salt": to_hex(request_salt), "canonical": job.canonical.decode()}
        ),
        surcharge_bps=job.quote.surcharge.bps,
        created_at=now,
        request_commitment=to_hex(commitment),
        authorization=job.signed.to_json() if job.signed else None,
    )


def finish(
    job: Job,
    ran: Ran,
    runs: Sequence[ReplicaRun],
    *,
    decision: Decision,
    signer: Signer,
    now: int,
    public_url: str,
    adaptive: AdaptiveBlock | None = None,
) -> tuple[Answer, ReceiptRecord]:
    """Make the receipt, sign it, and make the answer that goes with it."""
    usage, bill = price(job, runs)
    salted = job.salt_and_commitment()
    body, record = make_receipt(
        job,
        runs,
        (usage, bill),
        salted,
        decision=decision,
        signer=signer,
        now=now,
        attempts=ran.attempts(),
        tool_traces=trace_hashes(job.request, ran.replicas),
        rule=rule_used(job.request, ran.replicas, adaptive),
    )
    urn, policy = receipt_urn(record.receipt_id), job.request.policy
    response = PaidResponse(
        result=result_of(body, ran.replicas, decision),
        consensus=consensus_result(job, ran, decision, adaptive),
        receipt_id=urn,
        charge_wei=str(bill.total),
        charge_cor=format_cor(bill.total),
        bill=bill_shown(body.bill),
        request_salt=to_hex(salted[0]),
        receipt=ReceiptSummary(
            receipt_id=urn,
            digest=record.digest,
            signature=record.signature,
            url=f"{public_url}/api/v4/receipt/{record.receipt_id}",
            summary=receipt_line(body),
        )
        if job.request.receipt or always_has_receipt(policy.tier, policy.risk)
        else None,
        issued_at=now,
        tool_traces=list(body.tool_traces),
    )
    return _answer(job, decision, response, record), record


def _answer(job: Job, decision: Decision, response: PaidResponse, record: ReceiptRecord) -> Answer:
    hard = job.request.consensus.disagreement_policy == "fail_hard"
    if not (hard and decision.outcome == NO_CONSENSUS):
        return Answer(HTTP_OK, msgspec.json.encode(response), record.receipt_id)
    problem = Error(
        "the replicas disagree more than the request allows; the work was done and is charged "
        f"({response.charge_cor} COR), the receipt shows every replica's vote",
        code="consensus_failed",
    )
    problem.status = HTTP_CONFLICT
    extra = msgspec.to_builtins(response)
    del extra["result"]
    data = {**problem.problem(), "title": "Consensus failed", **extra}
    return Answer(HTTP_CONFLICT, msgspec.json.encode(data), record.receipt_id)
