# SPDX-License-Identifier: Apache-2.0
"""Different receipts of three replicas each, signed and anchored in one batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cortensor.consensus import Vote, decide_answers
from cortensor.pricing import RateCard, Terms, quote
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
    receipt_leaf,
    request_commitment,
    sign,
    to_hex,
    usage_of,
)
from cortensor.receipts.request_text import request_text

KEY = keccak256(b"benchmark router")
ROUTER = RouterBlock(router_id=7, signer=address_of(KEY))
SESSION = 7 << 128 | 1
REPLICAS = 3
CHAIN = ChainBlock(
    chain_id=421_614,
    session_payment="0x" + "11" * 20,
    table="0x" + "22" * 20,
    receipt_anchor="0x" + "33" * 20,
)
CARD = RateCard.load(Path(__file__).resolve().parents[2] / "config" / "rate-card.toml")
SURCHARGE_BPS = 450


def bundles(count: int) -> list[dict[str, Any]]:
    """Return the JSON data of `count` different bundles that all verify."""
    made = [_unanchored(number) for number in range(count)]
    leaves, totals, total = [], [], 0
    for number, bundle in enumerate(made, start=1):
        total += bundle.struct().charge
        totals.append(total)
        leaves.append(receipt_leaf(bundle.struct().digest(bundle.receipt.domain()), number, total))
    tree = StandardMerkleTree(leaves)
    return [
        bundle.to_json()
        | {
            "anchor": {
                "index": at + 1,
                "cumulative": str(totals[at]),
                "leaf": to_hex(leaves[at]),
                "proof": [to_hex(node) for node in tree.proof(at)],
                "root": to_hex(tree.root),
                "anchorer": ROUTER.signer,
                "count": count,
                "uri": "",
                "tx_hash": None,
            }
        }
        for at, bundle in enumerate(made)
    ]


def _unanchored(number: int) -> Bundle:
    answer = f"The answer to question {number} is {number * number}. " * 4
    runs = [
        ReplicaRun(
            index=index,
            session_id=str(201 + index),
            task_id=to_hex(keccak256(f"{number} {index}".encode())[:16]),
            status="OK",
            output=answer,
            model="a-model",
            miner=to_hex(keccak256(f"miner {index}".encode())[:20]),
            seed=index,
            temperature_bps=0,
            input_units=90,
            output_units=60,
            latency_ms=800 + index,
        )
        for index in range(REPLICAS)
    ]
    asked = {
        "session_id": f"0x{SESSION:040x}",
        "objective": f"Question {number}?",
        "consensus": {"replicas": REPLICAS},
    }
    salt, text = keccak256(f"salt {number}".encode()), request_text("delegate", asked)
    terms = Terms(replicas=REPLICAS, surcharge_cap_bps=300)
    usage = usage_of(runs, REPLICAS)
    salts = [keccak256(f"{number} salt {index}".encode()) for index in range(REPLICAS)]
    votes = [Vote(index=run.index, status=run.status, text=run.output) for run in runs]
    body = build_body(
        endpoint="delegate",
        issued_at=1_790_000_000 + number,
        chain=CHAIN,
        router=ROUTER,
        session=SESSION,
        task_id=to_hex(keccak256(f"task {number}".encode())[:16]),
        request_commitment=request_commitment(salt, text),
        runs=runs,
        salts=salts,
        decision=decide_answers(votes, policy="return_all"),
        priced=Priced(
            version=2,
            surcharge_epoch=3,
            terms=terms,
            usage=usage,
            bill=quote(CARD, SURCHARGE_BPS, terms, usage),
        ),
    )
    return _signed(
        body, evidence_entries(runs, salts), {"salt": to_hex(salt), "canonical": text.decode()}
    )


def _signed(body: Body, evidence: list[dict[str, Any]], request: dict[str, str]) -> Bundle:
    struct = body.struct()
    return Bundle.from_json(
        {
            "format": "cortensor-bundle/1",
            "receipt": body.to_json(),
            "receipt_id": body.receipt_id(),
            "charge": struct.to_json(),
            "signature": to_hex(sign(KEY, struct.digest(body.domain()))),
            "evidence": evidence,
            "request": request,
            "card": CARD.to_json(),
            "surcharge_bps": SURCHARGE_BPS,
            "anchor": None,
        }
    )
