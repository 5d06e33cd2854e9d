# SPDX-License-Identifier: Apache-2.0
"""A receipt body from what a run produced. The verifier undoes every step of this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.consensus import FAILED, NO_CONSENSUS, VERDICT, is_plain
from cortensor.errors import InvalidInput
from cortensor.pricing import BPS, CONSENSUS_METHODS, Usage
from cortensor.receipts.body import (
    API_VERSION,
    BODY_FORMAT,
    LIKENESS_FORMAT,
    PARTIES_FORMAT,
    RULE_FORMAT,
    SUMMARY_CHARS,
    Body,
)
from cortensor.receipts.evidence import OK, ReplicaRun, evidence_root, output_hash
from cortensor.receipts.keccak import ZERO_WORD, to_hex
from cortensor.receipts.likeness import has_likeness, likeness_fields
from cortensor.receipts.parties import count_operators
from cortensor.receipts.rule import RuleUsed, rule_block, rule_entry
from cortensor.receipts.tiers import is_free

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.consensus import Decision
    from cortensor.pricing import Bill, Terms
    from cortensor.receipts.body import AttemptBlock, ChainBlock, Replica, RouterBlock
    from cortensor.receipts.parties import PaymentBlock


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A bill and what it was computed from."""

    version: int
    surcharge_epoch: int
    terms: Terms
    usage: Usage
    bill: Bill


def build_body(
    *,
    endpoint: str,
    issued_at: int,
    chain: ChainBlock,
    router: RouterBlock,
    session: int,
    task_id: str,
    request_commitment: bytes,
    runs: Sequence[ReplicaRun],
    salts: Sequence[bytes],
    decision: Decision,
    priced: Priced,
    subject: bytes = ZERO_WORD,
    tier: str | None = None,
    tool_traces: Sequence[bytes] = (),
    rule: RuleUsed | None = None,
    attempts: Sequence[AttemptBlock] = (),
    payment: PaymentBlock | None = None,
    supersedes: str | None = None,
) -> Body:
    """Build and check a body.

    Args:
        endpoint: delegate or validate.
        issued_at: unix seconds.
        chain: addresses in any case; written in lower case.
        router: who signs.
        session: payment session id.
        task_id: the job's id, "0x" and 32 hex digits.
        request_commitment: see `evidence.request_commitment`.
        runs: every executed replica, ascending by index.
        salts: 32 random bytes a run.
        decision: over exactly these runs.
        priced: the bill.
        subject: an ERC-8004 subject, zero without one.
        tier: policy tier asked for; a heartbeat charges nothing.
        tool_traces: keccak256 of each tool trace.
        rule: what the decision does not hold of its rule; with it, or with any decision but a
            plain majority, the body has format 2, or 3 where answers are alike and not equal.
        attempts: runs beside the replicas, which nobody is billed for.
        payment: what paid beside the session.
        supersedes: id of the receipt this one replaces; such a receipt charges nothing. With this,
            a payment or a miner's signature the body has format 4.

    Raises:
        InvalidInput: naming the field that breaks the format.
    """
    if len(runs) != len(salts):
        raise InvalidInput("needs one salt a replica", field="salts")
    if (endpoint == "validate") != (decision.equivalence == VERDICT):
        raise InvalidInput(
            "validations, and only they, are decided by verdict", field="consensus.equivalence"
        )
    signed = any(run.miner_signature is not None for run in runs)
    has_parties = signed or payment is not None or supersedes is not None
    if rule is None and (has_parties or not is_plain(decision)):
        rule = RuleUsed()
    leaves = [run.leaf(salt) for run, salt in zip(runs, salts, strict=True)]
    return Body.from_json(
        {
            "format": PARTIES_FORMAT if has_parties else _format(decision, rule),
            "api_version": API_VERSION,
            "endpoint": endpoint,
            "issued_at": issued_at,
            "chain": {
                "chain_id": chain.chain_id,
                "session_payment": chain.session_payment.lower(),
                "table": chain.table.lower(),
                "receipt_anchor": chain.receipt_anchor.lower(),
            },
            "router": {"router_id": router.router_id, "signer": router.signer.lower()},
            "session_id": f"0x{session:040x}",
            "task_id": task_id,
            "request_commitment": to_hex(request_commitment),
            "subject": to_hex(subject),
            "replicas": [
                {
                    **_replica(run, leaf, decision, rule),
                    **(_signed_by_miner(run) if has_parties else {}),
                }
                for run, leaf in zip(runs, leaves, strict=True)
            ],
            "evidence_root": evidence_root(leaves),
            "result": _result(runs, decision),
            "consensus": {
                **_consensus(decision, priced.terms, rule),
                **(likeness_fields(decision) if has_parties or has_likeness(decision) else {}),
                **({"operators": count_operators(runs)} if has_parties else {}),
            },
            "policy": {"tier": tier},
            "tool_traces": [to_hex(trace) for trace in tool_traces],
            "bill": free_of_charge(_bill(priced))
            if is_free(tier) or supersedes is not None
            else _bill(priced),
            **(_parties(payment, supersedes) if has_parties else {}),
            **({"attempts": [msgspec.to_builtins(each) for each in attempts]} if attempts else {}),
        }
    )


def _format(decision: Decision, rule: RuleUsed | None) -> str:
    if rule is None:
        return BODY_FORMAT
    return LIKENESS_FORMAT if has_likeness(decision) else RULE_FORMAT


def _replica(
    run: ReplicaRun, leaf: bytes, decision: Decision, rule: RuleUsed | None
) -> dict[str, Any]:
    by_verdict = decision.equivalence == VERDICT
    return {
        "index": run.index,
        "session_id": run.session_id,
        "task_id": run.task_id,
        "status": run.status,
        "late": run.late,
        "verdict": run.verdict,
        "cluster": None if by_verdict else decision.cluster_of(run.index),
        "output_hash": output_hash(run.output),
        "model": run.model,
        "model_digest": run.model_digest,
        "miner": run.miner,
        "seed": run.seed,
        "temperature_bps": run.temperature_bps,
        "input_units": run.input_units,
        "output_units": run.output_units,
        "latency_ms": run.latency_ms,
        "evidence_leaf": to_hex(leaf),
        **({} if rule is None else rule_entry(decision, rule, run.index)),
    }


def _result(runs: Sequence[ReplicaRun], decision: Decision) -> dict[str, Any]:
    if decision.equivalence == VERDICT:
        # An outcome can have no winner: votes read backwards, a dispute that stays open.
        is_open = decision.outcome in {NO_CONSENSUS, FAILED}
        verdict = None if is_open else decision.outcome
        return {
            "outcome": decision.outcome,
            "verdict": verdict,
            "output_hash": None,
            "output_summary": None,
        }
    outputs = {run.index: run.output for run in runs}
    chosen = decision.representative
    output = None if chosen is None else outputs[chosen]
    return {
        "outcome": decision.outcome,
        "verdict": None,
        "output_hash": output_hash(output),
        "output_summary": None if output is None else output[:SUMMARY_CHARS],
    }


def _consensus(decision: Decision, terms: Terms, rule: RuleUsed | None) -> dict[str, Any]:
    return {
        "strategy": CONSENSUS_METHODS[terms.consensus_method],
        "equivalence": decision.equivalence,
        "replicas_requested": terms.replicas,
        "replicas": decision.replicas,
        "votes": decision.votes,
        "agreement_bps": decision.agreement_bps,
        "agreement_threshold_bps": decision.threshold_bps,
        "confidence_bps": decision.confidence_bps,
        "confidence_method": decision.calibration.method,
        "n_history": decision.calibration.n_history,
        "disagreement_policy": decision.policy,
        "non_votes": decision.non_votes,
        "dissent": list(decision.dissent),
        "winner": list(decision.winner),
        **({} if rule is None else rule_block(decision, rule)),
    }


def _signed_by_miner(run: ReplicaRun) -> dict[str, Any]:
    signature = run.miner_signature
    return {"miner_signature": None if signature is None else to_hex(signature)}


def _parties(payment: PaymentBlock | None, supersedes: str | None) -> dict[str, Any]:
    paid = None if payment is None else msgspec.to_builtins(payment)
    return {"payment": paid, "supersedes": supersedes}


def free_of_charge(bill: dict[str, Any]) -> dict[str, Any]:
    """Return the bill of a heartbeat, or of a receipt that replaces the one with the charge."""
    return {**bill, "lines": dict.fromkeys(bill["lines"], "0"), "charge": "0"}


def _bill(priced: Priced) -> dict[str, Any]:
    return {
        "version": priced.version,
        "surcharge_epoch": priced.surcharge_epoch,
        "terms": hex(priced.terms.pack()),
        "usage": hex(priced.usage.pack()),
        "lines": priced.bill.lines.to_json(),
        "charge": str(priced.bill.total),
    }


def fewest_runs(requested: int, threshold_bps: int, minimum: int | None) -> int:
    """Return how many replicas must run for an answer to be given, and charged.

    Where the caller says no minimum it is as many as must agree to reach the threshold among all
    that were asked for: fewer could not carry what the caller wants, whatever they say. At least 1.

    Args:
        requested: replicas asked for.
        threshold_bps: the agreement asked for.
        minimum: what the caller allows, if that was said.
    """
    return max(1, -(-requested * threshold_bps // BPS)) if minimum is None else minimum


def usage_of(
    runs: Sequence[ReplicaRun] | Sequence[Replica], requested: int, validator_units: int = 0
) -> Usage:
    """Return the usage of a job, as it is priced.

    Only delivered runs count units; a run without delivery has failed, and a requested replica
    without a run is missing.

    Raises:
        InvalidInput: if more replicas ran than were requested.
    """
    if len(runs) > requested:
        raise InvalidInput(f"{len(runs)} ran, {requested} were requested", field="replicas")
    delivered = [run for run in runs if run.status == OK]
    return Usage(
        input_units=sum(run.input_units for run in delivered),
        output_units=sum(run.output_units for run in delivered),
        validator_units=validator_units,
        failed_replicas=len(runs) - len(delivered),
        late_replicas=sum(1 for run in delivered if run.late),
        missing_replicas=requested - len(runs),
    )
