# SPDX-License-Identifier: Apache-2.0
"""Receipts for the tests and the conformance vectors: fixed keys, salts and times.

The private keys are hashes of public labels; they guard nothing.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import rfc8785

from cortensor.consensus import Decision, Vote, decide_answers, decide_verdicts
from cortensor.pricing import SLA_TIERS, RateCard, Terms, index_of, quote
from cortensor.pricing.terms import DISAGREEMENT_POLICIES
from cortensor.receipts import (
    Body,
    Bundle,
    ChainBlock,
    Priced,
    ReplicaRun,
    RouterBlock,
    StandardMerkleTree,
    address_of,
    build_body,
    evidence_entries,
    keccak256,
    leaf,
    request_commitment,
    sign,
    to_hex,
    usage_of,
)
from cortensor.receipts.tiers import sla_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.receipts.rule import RuleUsed

CHAIN_ID = 421_614
ROUTER_ID = 7
SURCHARGE_BPS = 450
EPOCH = 3
VERSION = 2
ISSUED_AT = 1_790_000_000
CARD = RateCard(
    task_wei=10**15,
    input_unit_wei=(10**11, 2 * 10**11, 4 * 10**11, 10**12),
    output_unit_wei=(4 * 10**11, 8 * 10**11, 16 * 10**11, 4 * 10**12),
    validator_unit_wei=10**11,
    sla_bps=(0, 500, 1_000, 2_500),
    execution_depth_bps=250,
    tool_depth_bps=500,
    validator_depth_bps=500,
    redundancy_bps=(0, 200, 400),
    consensus_bps=(50, 150, 150, 200, 200, 400, 0, 0),
    threshold_bps=100,
    disagreement_bps=(0, 100, 50),
    failed_rebate_bps=9_000,
    late_rebate_bps=3_000,
    missing_rebate_bps=10_000,
    volume_rebate_bps=(0, 250, 500, 1_000),
    node_share_bps=8_000,
    validator_share_bps=1_000,
)


def fixed(label: str, length: int = 32) -> bytes:
    """Return bytes that depend on a label alone."""
    return keccak256(label.encode())[:length]


ROUTER_KEY = fixed("router key")
OTHER_KEY = fixed("other key")
SIGNER = address_of(ROUTER_KEY)
SESSION = (ROUTER_ID << 128) | int.from_bytes(fixed("session", 16), "big")
CHAIN = ChainBlock(
    chain_id=CHAIN_ID,
    session_payment=to_hex(fixed("SessionPayment", 20)),
    table=to_hex(fixed("SessionPaymentTable", 20)),
    receipt_anchor=to_hex(fixed("ReceiptAnchor", 20)),
)


@dataclass(frozen=True)
class Job:
    """One job to make a receipt of: outputs as the replicas gave them, None where one failed.

    `missing` replicas were asked for as well and never ran.
    """

    name: str
    outputs: Sequence[str | None]
    endpoint: str = "delegate"
    policy: str = "return_all"
    equivalence: str = "exact"
    verdicts: Sequence[str | None] = ()
    late: Sequence[int] = ()
    failure: str = "TIMEOUT"
    tier: str | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    terms: dict[str, int] = field(default_factory=dict)
    missing: int = 0

    def runs(self) -> list[ReplicaRun]:
        """Return the runs."""
        verdicts = self.verdicts or [None] * len(self.outputs)
        return [
            ReplicaRun(
                index=i,
                session_id=str(201 + i),
                task_id=to_hex(fixed(f"{self.name} task {i}", 16)),
                status="OK" if output is not None else self.failure,
                late=i in self.late,
                verdict=verdicts[i],
                output=output,
                model="SmolLM2-135M-Instruct",
                model_digest="sha256:b179c952",
                miner=None if i else to_hex(fixed("miner", 20)),
                seed=11 * i,
                temperature_bps=2_000,
                input_units=0 if output is None else 90 + i,
                output_units=0 if output is None else len(output),
                latency_ms=800 + 13 * i,
            )
            for i, output in enumerate(self.outputs)
        ]

    def packed_terms(self) -> Terms:
        """Return the terms the job ran under."""
        return Terms(
            sla_tier=index_of(SLA_TIERS, sla_of(self.tier), "tier"),
            replicas=len(self.outputs) + self.missing,
            disagreement_policy=index_of(DISAGREEMENT_POLICIES, self.policy, "policy"),
            surcharge_cap_bps=300,
            **self.terms,
        )

    def decide(self, runs: Sequence[ReplicaRun]) -> Decision:
        """Return the decision over the runs."""
        votes = [
            Vote(index=run.index, status=run.status, label=run.verdict, text=run.output)
            for run in runs
        ]
        if self.endpoint == "validate":
            return decide_verdicts(votes, policy=self.policy)
        return decide_answers(votes, policy=self.policy, equivalence=self.equivalence)

    def request(self) -> tuple[bytes, str]:
        """Return the request's salt and canonical text."""
        text = {"delegate": "objective", "validate": "claim"}.get(self.endpoint, "text")
        body: dict[str, Any] = {
            "session_id": f"0x{SESSION:040x}",
            text: f"What {self.name} is about.",
            **self.asked,
        }
        if len(self.outputs) > 1:
            body["consensus"] = {
                "replicas": len(self.outputs) + self.missing,
                "session_pool": [str(201 + i) for i in range(len(self.outputs))],
                "disagreement_policy": self.policy,
            }
            if self.endpoint == "delegate":
                body["consensus"]["equivalence"] = self.equivalence
            body["max_tokens"] = 64
        if self.tier is not None:
            body["policy"] = {"tier": self.tier}
        call: dict[str, Any] = {
            "api_version": "v4",
            "endpoint": self.endpoint,
            "request": body,
        }
        return fixed(f"{self.name} request salt"), rfc8785.dumps(call).decode()

    def salts(self) -> list[bytes]:
        """Return one evidence salt a replica."""
        return [fixed(f"{self.name} salt {i}") for i in range(len(self.outputs))]

    def body(self) -> Body:
        """Return the receipt body."""
        runs, terms = self.runs(), self.packed_terms()
        usage = usage_of(runs, terms.replicas)
        request_salt, request = self.request()
        return build_body(
            endpoint=self.endpoint,
            issued_at=ISSUED_AT,
            chain=CHAIN,
            router=RouterBlock(router_id=ROUTER_ID, signer=SIGNER),
            session=SESSION,
            task_id=to_hex(fixed(f"{self.name} task", 16)),
            request_commitment=request_commitment(request_salt, request.encode()),
            runs=runs,
            salts=self.salts(),
            decision=self.decide(runs),
            priced=Priced(
                version=VERSION,
                surcharge_epoch=EPOCH,
                terms=terms,
                usage=usage,
                bill=quote(CARD, SURCHARGE_BPS, terms, usage),
            ),
            tier=self.tier,
            tool_traces=[fixed("trace")] if self.name == "delegate-agreed" else [],
            rule=self.used(runs),
            **self.parties(),
        )

    def parties(self) -> dict[str, Any]:
        """Return what else the body is built with: who but the router has a part in it."""
        return {}

    def used(self, runs: Sequence[ReplicaRun]) -> RuleUsed | None:
        """Return what the receipt says of the rule beyond the decision; a majority has nothing."""
        del runs

    def bundle(self) -> dict[str, Any]:
        """Return an unanchored bundle as JSON data."""
        salt, request = self.request()
        data: dict[str, Any] = {
            "format": "cortensor-bundle/1",
            "receipt": self.body().to_json(),
            "evidence": evidence_entries(self.runs(), self.salts()),
            "request": {"salt": to_hex(salt), "canonical": request},
            "card": CARD.to_json(),
            "surcharge_bps": SURCHARGE_BPS,
            "anchor": None,
        }
        return resign(data)


def resign(data: dict[str, Any], key: bytes = ROUTER_KEY) -> dict[str, Any]:
    """Return the bundle with id, struct and signature that fit its body, as a router would."""
    signed = copy.deepcopy(data)
    body = Body.from_json(signed["receipt"])
    struct = body.struct()
    signed["receipt_id"] = body.receipt_id()
    signed["charge"] = struct.to_json()
    signed["signature"] = to_hex(sign(key, struct.digest(body.domain())))
    return signed


def anchor(bundles: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the bundles anchored as one batch of one session, in this order."""
    cumulative = 0
    leaves, totals = [], []
    for data in bundles:
        bundle = Bundle.from_json(data)
        cumulative += bundle.struct().charge
        totals.append(cumulative)
        digest = bundle.struct().digest(bundle.receipt.domain())
        leaves.append(leaf(digest, len(totals), cumulative))
    tree = StandardMerkleTree(leaves)
    return [
        {
            **data,
            "anchor": {
                "index": i + 1,
                "cumulative": str(totals[i]),
                "leaf": to_hex(leaves[i]),
                "proof": [to_hex(node) for node in tree.proof(i)],
                "root": to_hex(tree.root),
                "anchorer": SIGNER,
                "count": len(leaves),
                "uri": "ipfs://batch",
                "tx_hash": to_hex(fixed("transaction")),
            },
        }
        for i, data in enumerate(bundles)
    ]


JOBS = (
    Job("delegate-agreed", ["Paris", " paris", "PARIS"]),
    Job(
        "validate-majority",
        ["yes, that is right", "no", "yes"],
        endpoint="validate",
        policy="fail_hard",
        verdicts=["VALID", "INVALID", "VALID"],
        late=[2],
        tier="medium",
        terms={"volume_tier": 1},
    ),
    Job(
        "validate-no-consensus",
        ["yes", None, "no", None, "unclear"],
        endpoint="validate",
        policy="fail_hard",
        verdicts=["VALID", None, "INVALID", None, None],
        terms={"volume_tier": 1},
    ),
    Job(
        "delegate-json",
        ['{"total": 19.50, "currency": "EUR"}', '{"currency":"EUR","total":19.5}', "no idea"],
        equivalence="json",
        terms={"model_class": 1},
    ),
    Job(
        "delegate-best-effort",
        ["the meeting is on Monday", None, "we never met", None, "lunch is at noon"],
        policy="best_effort",
        equivalence="overlap",
        failure="ERROR",
    ),
    Job("delegate-missing", ["42", "42"], policy="best_effort", missing=1),
    Job(
        "delegate-single",
        ["caf\u00e9 \U0001f600 \u2028 done"],
        equivalence="overlap",
        asked={"input": {"price": 19.5, "large": 1e20, "note": "\u00fc"}, "max_tokens": None},
    ),
)


def good_bundles() -> dict[str, dict[str, Any]]:
    """Return every job's bundle by name, anchored in one batch."""
    return {
        job.name: data
        for job, data in zip(JOBS, anchor([job.bundle() for job in JOBS]), strict=True)
    }
