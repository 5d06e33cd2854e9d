# SPDX-License-Identifier: Apache-2.0
"""A settler takes a receipt back, or replaces it by another of the same work, on the chain."""

from __future__ import annotations

import secrets
import time
from typing import Any

import msgspec

from cortensor import receipts
from cortensor.consensus import Vote, decide_verdicts
from cortensor.pricing import Terms, quote
from cortensor.receipts.build import Priced, build_body, usage_of
from cortensor.receipts.bundle import Anchor, Bundle
from cortensor.receipts.evidence import ReplicaRun, evidence_entries, request_commitment
from cortensor.receipts.keccak import from_hex, to_hex
from cortensor.receipts.sign import sign

LATER = 1_000_000


def successor_of(old: Bundle, key: str) -> Bundle:
    """Return a receipt of the same work that replaces another, signed and in a batch of its own.

    Args:
        old: a validation's, with all its evidence.
        key: the settler's.
    """
    body = old.receipt
    answers = {item.replica.index: item.replica for item in old.evidence}
    runs = [
        ReplicaRun(
            output=answers[entry.index].output,
            **{
                name: getattr(entry, name)
                for name in ReplicaRun.__struct_fields__
                if name not in ("output", "miner_signature")
            },
        )
        for entry in body.replicas
    ]
    salts = [secrets.token_bytes(32) for _ in runs]
    votes = [Vote(index=r.index, status=r.status, label=r.verdict, text=r.output) for r in runs]
    terms = Terms.unpack(int(body.bill.terms, 16))
    usage = usage_of(runs, terms.replicas)
    salt, text = secrets.token_bytes(32), str(old.request.canonical)
    made = build_body(
        endpoint=body.endpoint,
        issued_at=int(time.time()),
        chain=body.chain,
        router=body.router,
        session=body.session(),
        task_id="0x" + secrets.token_hex(16),
        request_commitment=request_commitment(salt, text.encode()),
        runs=runs,
        salts=salts,
        decision=decide_verdicts(votes, policy=body.consensus.disagreement_policy),
        priced=Priced(
            version=body.bill.version,
            surcharge_epoch=body.bill.surcharge_epoch,
            terms=terms,
            usage=usage,
            bill=quote(old.rate_card(), old.surcharge_bps, terms, usage),
        ),
        subject=from_hex(body.subject, 32, "subject"),
        tier=body.policy.tier,
        supersedes=old.receipt_id,
    )
    digest = made.struct().digest(made.domain())
    # Beyond what the router numbers itself; it charges nothing, so the total is as before.
    index = old.anchor.index + LATER
    hashed = receipts.leaf(digest, index, int(old.anchor.cumulative))
    return receipts.bundle(
        made,
        sign(key, digest),
        card=old.rate_card(),
        surcharge_bps=old.surcharge_bps,
        evidence=evidence_entries(runs, salts),
        request=(salt, text),
        anchor=Anchor(
            index=index,
            cumulative=old.anchor.cumulative,
            leaf=to_hex(hashed),
            proof=[],
            root=to_hex(hashed),
            anchorer=body.router.signer,
            count=1,
            uri="",
            tx_hash=None,
        ),
    )


def written(bundle: Bundle) -> bytes:
    """Return a bundle as a file."""
    return msgspec.json.encode(bundle.to_json())


def anchor_calls(anchor: Any, bundle: Bundle) -> tuple[Any, Any]:
    """Return the calls that anchor a receipt alone in its batch, and supersede its elder by it."""
    functions = anchor.functions
    root = bytes.fromhex(bundle.anchor.root[2:])
    older, newer = (
        bytes.fromhex(each[2:]) for each in (bundle.receipt.supersedes, bundle.receipt_id)
    )
    return functions.anchor(root, 1, ""), functions.supersede(older, newer)
