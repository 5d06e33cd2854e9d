# SPDX-License-Identifier: Apache-2.0
"""Bardiel, a worked example: policy tiers, three modes, and one verdict with its evidence.

A job says its mode (delegation, validation, arbitration), its task and its policy; Bardiel picks
the replicas by tier, pays for the call, and answers with one of its seven verdicts.

    with Client(URL, payment) as client:
        job = Job(mode="arbitration", task=Task(spec="A haiku on rain", claimed_result="..."))
        print(Bardiel(client).judge(job).verdict)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from cortensor.client import Consensus

if TYPE_CHECKING:
    from cortensor.client import Client, Paid, PaidResponse
    from cortensor.client.asks import AskOptions

Mode = Literal["delegation", "validation", "arbitration"]
Tier = Literal["fast", "safe", "oracle", "adaptive"]
Verdict = Literal[
    "VALID", "INVALID", "RETRY", "NEEDS_SPEC", "SELLER_VALID", "SELLER_INVALID", "INCONCLUSIVE"
]

USUAL_TIERS: dict[Mode, Tier] = {
    "delegation": "fast",
    "validation": "safe",
    "arbitration": "oracle",
}
"""The tier of a job that names none: the more a verdict settles, the more replicas."""

VERDICTS: dict[str, Verdict] = {
    "OK": "VALID",
    "VALID": "VALID",
    "INVALID": "INVALID",
    "SELLER_VALID": "SELLER_VALID",
    "SELLER_INVALID": "SELLER_INVALID",
    "INCONCLUSIVE": "INCONCLUSIVE",
    "NEEDS_SPEC": "NEEDS_SPEC",
}
"""A receipt's outcome -> the verdict; any other decides nothing, see `undecided`."""


class Task(Struct, frozen=True, kw_only=True):
    """What the job is about.

    Attributes:
        spec: what is to be done, or was agreed.
        input: what it is to be done with.
        claimed_result: what somebody says came of it; of validation and arbitration.
        dispute: what the buyer complains of; of arbitration.
    """

    spec: str = ""
    input: Any = None
    claimed_result: str = ""
    dispute: str = ""


class Job(Struct, frozen=True, kw_only=True):
    """What Bardiel is asked.

    Attributes:
        mode: delegation does the task, validation checks a result, arbitration decides a dispute.
        task: it.
        tier: fast (1 replica), safe (3), oracle (5), adaptive (1 to 5); None for the mode's.
        trace_id: the caller's own name of the job; makes it one charge however often it is sent.
        subject: what the receipt is to be about, 0x hex.
    """

    mode: Mode
    task: Task
    tier: Tier | None = None
    trace_id: str | None = None
    subject: str | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """How a verdict was formed: runs, agreement (0 to 1), and what each replica said."""

    replicas: int
    agreement: float
    verdicts: list[str]
    strong_disagreement: bool
    receipt_id: str
    charge_wei: int


class Judgement(Struct, frozen=True, kw_only=True):
    """What Bardiel answers; `evidence` is None where nothing was asked, or paid.

    `confidence` is 0 to 1.
    """

    verdict: Verdict
    confidence: float
    reason: str
    result: str | None = None
    evidence: Evidence | None = None


class Bardiel:
    """The agent.

    Args:
        client: of the router, with the payment session that pays.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def judge(self, job: Job) -> Judgement:
        """Return the verdict of a job.

        Raises:
            Refusal: the router refuses; nothing is charged.
            BillRefused: the receipt does not hold.
        """
        task = job.task
        missing = not task.spec.strip() or (job.mode != "delegation" and not task.claimed_result)
        if missing:
            reason = "the task needs a spec" + ("" if job.mode == "delegation" else " and a result")
            return Judgement(verdict="NEEDS_SPEC", confidence=1.0, reason=reason)
        return _judgement(job, self._ask(job))

    def _ask(self, job: Job) -> Paid[PaidResponse]:
        task, options = job.task, _options(job)
        if job.mode == "delegation":
            return self._client.delegate(task.spec, input=task.input, **options)
        context = {"specification": task.spec}
        if task.input is not None:
            context["input"] = task.input
        if job.mode == "validation":
            claim = f"The result meets the specification. Result: {task.claimed_result}"
            return self._client.validate(claim, context=context, **options)
        if task.dispute:
            context["complaint"] = task.dispute
        return self._client.validate(
            task.claimed_result, context=context, mode="arbitration", **options
        )


def undecided(mode: Mode) -> Verdict:
    """Return the verdict where replicas do not agree: a dispute stays open, the rest is retried."""
    return "INCONCLUSIVE" if mode == "arbitration" else "RETRY"


def _options(job: Job) -> AskOptions:
    options: AskOptions = {
        "tier": job.tier or USUAL_TIERS[job.mode],
        "consensus": Consensus(disagreement_policy="return_all"),
    }
    if job.subject is not None:
        options["subject"] = job.subject
    if job.trace_id is not None:
        options["idempotency_key"] = f"bardiel-{job.trace_id}"
        options["metadata"] = {"client_trace_id": job.trace_id}
    return options


def _judgement(job: Job, done: Paid[PaidResponse]) -> Judgement:
    result, consensus = done.answer.result, done.answer.consensus
    verdict = VERDICTS.get(result.outcome, undecided(job.mode))
    agreeing = f"{len(consensus.winner)} of {consensus.replicas} runs"
    reason = f"{agreeing} say {result.outcome}" if consensus.winner else "the runs do not agree"
    return Judgement(
        verdict=verdict,
        confidence=consensus.confidence,
        reason=reason,
        result=result.output,
        evidence=Evidence(
            replicas=consensus.replicas,
            agreement=consensus.agreement,
            verdicts=consensus.verdicts,
            strong_disagreement=consensus.strong_disagreement,
            receipt_id=done.receipt_id,
            charge_wei=done.charge_wei,
        ),
    )
