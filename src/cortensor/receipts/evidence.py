# SPDX-License-Identifier: Apache-2.0
"""What each replica said, committed to by the receipt and shown at will.

The receipt holds one salted leaf a replica and the root over them. Whoever has a replica's salt
and record can show that one run without the others; without the salt a leaf tells nothing, even
where the answer is one of two words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.errors import InvalidInput
from cortensor.receipts.canonical import canonical_bytes
from cortensor.receipts.keccak import keccak256, to_hex
from cortensor.receipts.merkle import StandardMerkleTree, evidence_leaf

if TYPE_CHECKING:
    from collections.abc import Sequence

OK = "OK"


class ReplicaRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One executed run as the router knows it.

    Attributes:
        index: number in the job, from 0, in the order of dispatch.
        session_id: compute session, such as "201".
        task_id: "0x" and 32 hex digits.
        status: OK, TIMEOUT or ERROR.
        late: delivered after its deadline (only with OK).
        verdict: of a validation, or None if none could be read.
        output: full text, or None if nothing was delivered.
        model: model name.
        model_digest: digest of the weights, if known.
        miner: miner that ran it, if known.
        seed: sampling seed, if known.
        temperature_bps: sampling temperature in 1/10000, if known.
        input_units: prompt tokens.
        output_units: generated tokens.
        latency_ms: milliseconds from dispatch to answer.
        miner_signature: the miner's 65 bytes over `typed.ReplicaStruct`, if it signs.
    """

    index: int
    session_id: str
    task_id: str
    status: str
    late: bool = False
    verdict: str | None = None
    output: str | None = None
    model: str
    model_digest: str | None = None
    miner: str | None = None
    seed: int | None = None
    temperature_bps: int | None = None
    input_units: int = 0
    output_units: int = 0
    latency_ms: int = 0
    miner_signature: bytes | None = None

    def record(self) -> dict[str, Any]:
        """Return the part that is committed to as evidence."""
        return {
            "index": self.index,
            "session_id": self.session_id,
            "task_id": self.task_id,
            "status": self.status,
            "verdict": self.verdict,
            "output": self.output,
            "input_units": self.input_units,
            "output_units": self.output_units,
            "model": self.model,
        }

    def leaf(self, salt: bytes) -> bytes:
        """Return the evidence leaf. Raises InvalidInput if the salt has not 32 bytes."""
        return evidence_leaf(salt, canonical_bytes(self.record()))


def output_hash(output: str | None) -> str | None:
    """Return the 0x-hex keccak256 of an output's UTF-8, or None without an output."""
    return None if output is None else to_hex(keccak256(output.encode()))


def evidence_root(leaves: Sequence[bytes]) -> str:
    """Return the 0x-hex root over the replicas' leaves."""
    return to_hex(StandardMerkleTree(leaves).root)


def evidence_entries(runs: Sequence[ReplicaRun], salts: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return the `evidence` list of a bundle: each run's salt and record.

    Raises:
        InvalidInput: if there is not one salt a run.
    """
    if len(runs) != len(salts):
        raise InvalidInput("needs one salt a replica", field="salts")
    return [
        {"salt": to_hex(salt), "replica": run.record()}
        for run, salt in zip(runs, salts, strict=True)
    ]


def request_commitment(salt: bytes, canonical_request: bytes) -> bytes:
    """Return keccak256(salt || request): binds the request, reveals nothing of it."""
    if len(salt) != 32:  # noqa: PLR2004 -- one word
        raise InvalidInput("must have 32 bytes", field="request.salt")
    return keccak256(salt + canonical_request)
