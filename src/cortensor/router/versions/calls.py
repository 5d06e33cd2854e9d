# SPDX-License-Identifier: Apache-2.0
"""v2 and v3 of delegate and validate: from their bodies to v4's, and from v4's answer to theirs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cortensor.consensus import NO_CONSENSUS
from cortensor.router.problems import InvalidField
from cortensor.router.requests import convert
from cortensor.router.versions.schemas import (
    ConsensusResultV3,
    DelegateAnswerV2,
    DelegateAnswerV3,
    DelegateRequestV2,
    DelegateRequestV3,
    EvidenceBlock,
    EvidenceConfigs,
    Step,
    ValidateAnswerV2,
    ValidateAnswerV3,
    ValidateRequestV2,
    ValidateRequestV3,
)
from cortensor.router.versions.upgrade import (
    POOL,
    Upgraded,
    addressed,
    given,
    pooled,
    single,
)

if TYPE_CHECKING:
    from cortensor.router.schemas import ConsensusResult, PaidResponse

RETRY = "RETRY"
_KEPT = ("policy", "metadata", "max_tokens", "timeout_ms")
_BOUNDS = ("max_tokens", "timeout_ms")


def delegate(version: str, data: dict[str, Any], session: str) -> Upgraded:
    """Return a delegation of `version` v2 or v3 as v4 has it.

    Args:
        version: v2 or v3.
        data: the body as sent.
        session: the payment session of the caller's grant.

    Raises:
        InvalidField: the body is not of that version, or asks for what is not served.
    """
    shape = DelegateRequestV3 if version == "v3" else DelegateRequestV2
    sent = convert(data, shape)
    execution = data.get("execution") or {}
    for where, value in (
        ("tools", sent.tools),
        ("workflow", sent.workflow),
        ("execution.tools", execution.get("tools")),
    ):
        if value:
            raise InvalidField("is not run here; leave it out or empty", field=where)
    body, fields = addressed_body(version, data, session)
    body |= given(data, "objective", "input", "output_schema")
    for name in _BOUNDS:
        bound = execution.get(name)
        if bound is None:
            continue
        if body.setdefault(name, bound) != bound:
            raise InvalidField(f"differs from {name}", field=f"execution.{name}")
        fields[name] = name if name in data else f"execution.{name}"
    return Upgraded(body=body, fields=fields, show=partial(show_delegate, version))


def validate(version: str, data: dict[str, Any], session: str) -> Upgraded:
    """Return a validation of `version` v2 or v3 as v4 has it.

    Args:
        version: v2 or v3.
        data: the body as sent.
        session: the payment session of the caller's grant.

    Raises:
        InvalidField: the body is not of that version.
    """
    convert(data, ValidateRequestV3 if version == "v3" else ValidateRequestV2)
    body, fields = addressed_body(version, data, session)
    body |= given(data, "claim", "context", "mode")
    if data.get("actor") is not None:
        known = body.get("metadata", {})
        if known.get("actor", data["actor"]) != data["actor"]:
            raise InvalidField("differs from metadata.actor", field="actor")
        body["metadata"] = {**known, "actor": data["actor"]}
        fields["metadata"] = "metadata" if known else "actor"
    return Upgraded(body=body, fields=fields, show=partial(show_validate, version))


def addressed_body(
    version: str, data: dict[str, Any], session: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the part of v4's body that all calls share, and the names its faults go by.

    Raises:
        InvalidField: `session_id` and `consensus` contradict each other.
    """
    payer, compute = addressed(data, session)
    consensus = pooled(data, compute) if version == "v3" else single(compute)
    body = {"session_id": payer, **given(data, *_KEPT)}
    if consensus:
        body["consensus"] = consensus
    fields: dict[str, str] = {}
    is_named = consensus.get("session_pool") != data.get("consensus", {}).get("session_pool")
    if version == "v2" or is_named:
        fields[POOL] = "session_id"  # it is the pool
    if consensus.get("strategy") is None:
        fields["consensus.strategy"] = "consensus.aggregation"
    return body, fields


def show_delegate(version: str, answer: PaidResponse) -> DelegateAnswerV2:
    """Return a delegation's answer in the shape of `version`."""
    result = answer.result
    common: dict[str, Any] = {
        "status": NO_CONSENSUS if result.outcome == NO_CONSENSUS else "OK",
        "result": result.output if result.data is None else result.data,
        **_charged(answer),
    }
    if version == "v2":
        return DelegateAnswerV2(**common)
    return DelegateAnswerV3(**common, consensus=consensus_v3(answer.consensus))


def show_validate(version: str, answer: PaidResponse) -> ValidateAnswerV2:
    """Return a validation's answer in the shape of `version`."""
    word = RETRY if answer.result.verdict is None else answer.result.verdict
    common: dict[str, Any] = {
        "verdict": word,
        "status": word,
        "reasons": reasons(answer.consensus),
        **_charged(answer),
    }
    if version == "v2":
        return ValidateAnswerV2(**common)
    return ValidateAnswerV3(**common, consensus=consensus_v3(answer.consensus))


def consensus_v3(found: ConsensusResult) -> ConsensusResultV3:
    """Return v4's consensus block in v3's shape, with the same numbers."""
    return ConsensusResultV3(
        replicas=found.replicas,
        replicas_requested=found.replicas_requested,
        agreement=found.agreement,
        verdicts=found.verdicts,
        strategy=found.strategy,
        aggregation=found.strategy,
        confidence=found.confidence,
        disagreement_policy=found.disagreement_policy,
        low_confidence=found.low_confidence,
        fallback=found.fallback,
    )


def reasons(found: ConsensusResult) -> list[str]:
    """Return why a verdict is what it is: who said what, and who said nothing."""
    counted = [
        f"{count} of {found.replicas} replicas answered {label}"
        for label, count in sorted(found.votes.items(), key=lambda vote: (-vote[1], vote[0]))
    ]
    silent = [
        f"compute session {each.session_id} gave no vote: {each.reason or each.status}"
        for each in found.replica_results
        if each.status != "OK"
    ]
    return counted + silent


def _charged(answer: PaidResponse) -> dict[str, Any]:
    found = answer.consensus
    steps = [
        Step(
            index=each.index,
            session_id=each.session_id,
            task_id=each.task_id,
            status=each.status,
            late=each.late,
            latency_ms=each.latency_ms,
            model=each.model,
            verdict=each.verdict,
            reason=each.reason,
            output=each.output,
            output_hash=each.output_hash,
        )
        for each in found.replica_results
    ]
    configs = EvidenceConfigs(
        strategy=found.strategy,
        disagreement_policy=found.disagreement_policy,
        agreement_threshold_bps=found.agreement_threshold_bps,
        equivalence=found.equivalence,
    )
    return {
        "evidence": EvidenceBlock(steps=steps, configs=configs),
        "receipt_id": answer.receipt_id,
        "charge_wei": answer.charge_wei,
        "charge_cor": answer.charge_cor,
    }
