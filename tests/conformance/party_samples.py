# SPDX-License-Identifier: Apache-2.0
"""Receipts of format 4, in a batch of their own, and bundles of format 2."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.receipts import (
    Body,
    Bundle,
    Domain,
    address_of,
    from_hex,
    output_hash,
    sign,
    to_hex,
)
from cortensor.receipts import request_commitment as commit
from cortensor.receipts.parties import PaymentBlock
from cortensor.receipts.typed import ReplicaStruct, RevocationStruct
from tests.conformance.samples import (
    CHAIN,
    CHAIN_ID,
    ISSUED_AT,
    ROUTER_KEY,
    SESSION,
    Job,
    anchor,
    fixed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortensor.receipts import ReplicaRun

MINER_KEYS = tuple(fixed(f"miner key {number}") for number in range(3))
PAYMENT = PaymentBlock(
    scheme="x402",
    network="eip155:8453",
    transaction=to_hex(fixed("x402 transaction")),
    payer=to_hex(fixed("x402 payer", 20)),
)
REPLACED = to_hex(fixed("replaced receipt"))
CONTRACT_SIGNATURE = "0x" + fixed("contract signature").hex() * 4


@dataclass(frozen=True)
class PartyJob(Job):
    """A job some of whose miners sign: `miners` has the number of each replica's miner."""

    miners: Sequence[int] = (0, 1, 2)
    signed: Sequence[int] = ()
    payment: PaymentBlock | None = None
    supersedes: str | None = None

    def runs(self) -> list[ReplicaRun]:
        return [self._of_miner(run) for run in super().runs()]

    def _of_miner(self, run: ReplicaRun) -> ReplicaRun:
        key = MINER_KEYS[self.miners[run.index]]
        run = msgspec.structs.replace(run, miner=address_of(key))
        if run.index not in self.signed:
            return run
        salt, request = self.request()
        struct = ReplicaStruct(
            session=SESSION,
            request_commitment=commit(salt, request.encode()),
            compute_session=run.session_id,
            task_id=from_hex(run.task_id, 16, "task_id"),
            output_hash=from_hex(output_hash(run.output) or "", 32, "output_hash"),
            model=run.model,
            input_units=run.input_units,
            output_units=run.output_units,
        )
        return msgspec.structs.replace(run, miner_signature=miner_word(struct, key))

    def parties(self) -> dict[str, Any]:
        return {"payment": self.payment, "supersedes": self.supersedes}


def miner_word(struct: ReplicaStruct, key: bytes) -> bytes:
    """Return a miner's signature in the samples' domain."""
    return sign(key, struct.digest(Domain(CHAIN_ID, CHAIN.session_payment)))


PARTY_JOBS = (
    PartyJob("signed", ["Paris", " paris", "PARIS"], signed=(0, 1, 2)),
    PartyJob(
        "partly-signed",
        ["yes", None, "no"],
        endpoint="validate",
        verdicts=["VALID", None, "INVALID"],
        miners=(0, 1, 0),
        signed=(2,),
    ),
    PartyJob("paid", ["42"], payment=PAYMENT),
    PartyJob("successor", ["43", "43", "43"], supersedes=REPLACED),
)


def party_bundles() -> dict[str, dict[str, Any]]:
    """Return every job's bundle by name, anchored in one batch."""
    jobs = anchor([job.bundle() for job in PARTY_JOBS])
    return {job.name: data for job, data in zip(PARTY_JOBS, jobs, strict=True)}


def second(data: dict[str, Any], **parts: object) -> dict[str, Any]:
    """Return a bundle in format 2."""
    plain = {"format": "cortensor-bundle/2", "revocation": None, "signed_by": "key"}
    return {**copy.deepcopy(data), **plain, **parts}


def revoked(
    data: dict[str, Any], successor: str | None = None, key: bytes = ROUTER_KEY
) -> dict[str, Any]:
    """Return a bundle with the signer's word that it no longer stands."""
    body = Body.from_json(data["receipt"])
    struct = RevocationStruct(
        receipt_id=from_hex(data["receipt_id"], 32, "receipt_id"),
        successor=from_hex(successor or "0x" + "0" * 64, 32, "successor"),
        revoked_at=ISSUED_AT + 90,
    )
    said = {
        "successor": successor,
        "revoked_at": ISSUED_AT + 90,
        "signature": to_hex(sign(key, struct.digest(body.domain()))),
    }
    return second(data, revocation=said)


def by_contract(data: dict[str, Any]) -> dict[str, Any]:
    """Return a bundle whose signer is a contract that signed in its own way."""
    return second(data, signed_by="contract", signature=CONTRACT_SIGNATURE)


def digest_of(data: dict[str, Any]) -> str:
    """Return the digest that a bundle's router signed."""
    bundle = Bundle.from_json(data)
    return to_hex(bundle.struct().digest(bundle.receipt.domain()))
