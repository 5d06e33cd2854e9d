# SPDX-License-Identifier: Apache-2.0
"""What happened, as the rows that the report and `--json` show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cortensor.errors import Unavailable
from cortensor.pricing import format_cor
from scripts._demo.chain import BASE_FEE_WEI, Chain
from scripts._demo.jobs import Job
from scripts._demo.operating import COMPUTE_SESSIONS
from scripts._demo.sessions import PaymentSession

Json = dict[str, Any]

HOW = {
    "escrow": "a deposit, which moves by what the receipts say",
    "voucher": "a deposit, which moves only by totals that its session key signed",
    "stake": "a free quota each day, then stake, as far as its owner allows",
}


def answer_of(job: Job) -> Json:
    """Return a job's answer. Raises Unavailable if it has none."""
    if job.answer is None:
        raise Unavailable(f"{job.name} has no answer")
    return job.answer


def charge_of(jobs: Sequence[Job], funding: str) -> int:
    """Return what the receipts of the jobs of one funding charge, in wei."""
    return sum(int(answer_of(job)["charge_wei"]) for job in jobs if job.funding == funding)


def job_row(job: Job, bundle: Json, verified: Json) -> Json:
    """Return a job with its answer, votes, bill and receipt."""
    answer = answer_of(job)
    consensus, receipt = answer["consensus"], bundle["receipt"]
    result = receipt["result"]
    said = {entry["replica"]["index"]: entry["replica"]["output"] for entry in bundle["evidence"]}
    short = result["verdict"] or result["output_summary"] or result["outcome"]
    replicas = [
        {
            "session_id": replica["session_id"],
            "status": replica["status"],
            "winner": replica["winner"],
            "label": replica.get("verdict") or replica["status"],
            "output": said.get(replica["index"]) or replica.get("reason", ""),
            "input_units": replica["input_units"],
            "output_units": replica["output_units"],
            "latency_ms": replica["latency_ms"],
        }
        for replica in job.replicas
    ]
    return {
        "name": job.name,
        "kind": job.kind,
        "funding": job.funding,
        "asked": _asked(job.body),
        "answer_short": " ".join(str(short).split())[:90],
        "outcome": result["outcome"],
        "expected": job.expected if isinstance(job.expected, str) else json.dumps(job.expected),
        "correct": _is_correct(job),
        "agreement_pct": _percent(consensus["agreement"]),
        "confidence_pct": _percent(consensus["confidence"]),
        "votes": consensus["votes"],
        "votes_label": f"{len(consensus['winner'])} of {len(replicas)} agree",
        "replicas": replicas,
        "ms": job.ms,
        "charge_wei": answer["charge_wei"],
        "charge_cor": answer["charge_cor"],
        "bill": receipt["bill"],
        "receipt_id": bundle["receipt_id"],
        "receipt_urn": answer["receipt_id"],
        "verified": verified["ok"],
        "checks": verified["checks"],
    }


def funding_rows(
    jobs: Sequence[Job], sessions: Mapping[str, PaymentSession], batches: Sequence[Json]
) -> list[Json]:
    """Return a row a funding: jobs, charge, and what settling cost. Fees are wei of ETH."""
    rows = []
    for funding, session in sessions.items():
        count = sum(1 for job in jobs if job.funding == funding)
        charged = charge_of(jobs, funding)
        own = [batch for batch in batches if batch["funding"] == funding]
        gas = sum(int(batch["gas_used"]) for batch in own)
        gas_per_job = -(-gas // count) if count else 0
        rows.append(
            {
                "funding": funding,
                "how": HOW[funding],
                "session_id": session.session_id,
                "payer": session.payer.address,
                "session_key": session.key.address if session.key else None,
                "signed_requests": count if session.key else 0,
                "signed_totals": count if funding == "voucher" else 0,
                "jobs": count,
                "charged_wei": str(charged),
                "charged_cor": format_cor(charged),
                "gas_used": gas,
                "gas_per_job": gas_per_job,
                "fee_per_job_wei": str(gas_per_job * BASE_FEE_WEI),
                "transactions": [batch["tx_hash"] for batch in own],
            }
        )
    return rows


def settlement(batches: Sequence[Json], chain: Chain) -> Json:
    """Return the settlement of everything; its rows are for a person to read."""
    count = sum(int(batch["receipts"]) for batch in batches)
    gas = sum(int(batch["gas_used"]) for batch in batches)
    return {
        "count": count,
        "transactions": len(batches),
        "gas_used": gas,
        "gas_share": -(-gas // count),
        "gas_price_wei": str(BASE_FEE_WEI),
        "batches": [
            {
                "funding": batch["funding"],
                "tx_hash": batch["tx_hash"],
                "root": batch["root"],
                "receipts": batch["receipts"],
                "charged_cor": format_cor(int(batch["total_wei"])),
                "gas_used": batch["gas_used"],
            }
            for batch in batches
        ],
        "contracts": [[name, rec["address"]] for name, rec in chain.deployment.records.items()],
    }


def backend(jobs: Sequence[Job], *, is_embedded: bool, name: str | None) -> Json:
    """Return what answered."""
    models = {str(r.get("model")) for job in jobs for r in job.replicas if r.get("model")}
    model = ", ".join(sorted(models)) or str(name)
    prompts = f"{len(COMPUTE_SESSIONS)} sessions that differ by prompt, seed and temperature"
    return {
        "kind": "embedded" if is_embedded else "openai",
        "model": model,
        "description": f"{model}, in {prompts}",
        "replicas_run": sum(len(job.replicas) for job in jobs),
        "history": 0,
    }


def summary(jobs: Sequence[Job], verified: Sequence[Json], charged_wei: int) -> Json:
    """Return the numbers at the top of the page."""
    known = [job for job in jobs if job.expected is not None]
    agreement = sum(answer_of(job)["consensus"]["agreement"] for job in jobs) / len(jobs)
    return {
        "verified": sum(1 for result in verified if result["ok"]),
        "charged_cor": format_cor(charged_wei),
        "agreement_pct": _percent(agreement),
        "truth_right": sum(1 for job in known if _is_correct(job)),
        "truth_total": len(known),
    }


def _asked(body: Json) -> str:
    """Return what was asked, for a person to read."""
    parts = [body.get("claim") or body["objective"], body.get("context") or body.get("input")]
    return "\n\n".join(
        part if isinstance(part, str) else json.dumps(part) for part in parts if part is not None
    )


def _is_correct(job: Job) -> bool | None:
    """Return whether the answer is the known truth; None if there is no one truth."""
    if job.expected is None:
        return None
    result = answer_of(job).get("result", {})
    return bool(job.expected == (result.get("verdict") or result.get("data")))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"
