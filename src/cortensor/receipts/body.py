# SPDX-License-Identifier: Apache-2.0
"""The receipt body, field by field. Its canonical JSON is what the receipt id hashes.

Hex is lower-case and money is a decimal string, so that every body has one spelling; unknown
fields are refused, because a reader who ignores a field may miss what it says.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cortensor.errors import InvalidInput
from cortensor.receipts.canonical import MAX_SAFE_INTEGER, canonical_bytes, receipt_id
from cortensor.receipts.keccak import WORD_BYTES, from_hex
from cortensor.receipts.typed import Domain, ReceiptStruct, outcome_code

BODY_FORMAT = "cortensor-receipt/1"
API_VERSION = "v4"
SUMMARY_CHARS = 280

# `$` also matches before a final newline; the maximum lengths rule that out.
Hex32 = Annotated[str, Meta(pattern="^0x[0-9a-f]{64}$", max_length=66)]
Address = Annotated[str, Meta(pattern="^0x[0-9a-f]{40}$", max_length=42)]
SessionId = Annotated[str, Meta(pattern="^0x[0-9a-f]{40}$", max_length=42)]
TaskId = Annotated[str, Meta(pattern="^0x[0-9a-f]{32}$", max_length=34)]
Word = Annotated[str, Meta(pattern="^0x(0|[1-9a-f][0-9a-f]*)$", max_length=66)]
Wei = Annotated[str, Meta(pattern="^(0|[1-9][0-9]*)$", max_length=78)]
Uint = Annotated[int, Meta(ge=0, le=MAX_SAFE_INTEGER)]
SafeInt = Annotated[int, Meta(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
Bps = Annotated[int, Meta(ge=0, le=10_000)]
Uint16 = Annotated[int, Meta(ge=0, le=2**16 - 1)]
Uint32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Index = Annotated[int, Meta(ge=0, le=255)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class ChainBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the receipt is settled."""

    chain_id: Annotated[int, Meta(ge=1, le=MAX_SAFE_INTEGER)]
    session_payment: Address
    table: Address
    receipt_anchor: Address


class RouterBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who made and signed the receipt; `router_id` is its id in SessionPayment."""

    router_id: Uint32
    signer: Address


class Replica(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One executed run.

    Units are tokens, `latency_ms` milliseconds, `temperature_bps` the sampling temperature in
    1/10000. `cluster` is the number of the answer group of a delegation. `evidence_leaf` hides
    the full answer behind a salt.
    """

    index: Index
    session_id: Name
    task_id: TaskId
    status: Literal["OK", "TIMEOUT", "ERROR"]
    late: bool
    verdict: Name | None
    cluster: Index | None
    output_hash: Hex32 | None
    model: Name
    model_digest: Name | None
    miner: Name | None
    seed: SafeInt | None
    temperature_bps: Uint32 | None
    input_units: Uint
    output_units: Uint
    latency_ms: Uint
    evidence_leaf: Hex32


class ResultBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the caller got: an outcome of `typed.OUTCOMES` and, for answers, their hash."""

    outcome: Name
    verdict: Name | None
    output_hash: Hex32 | None
    output_summary: Annotated[str, Meta(max_length=SUMMARY_CHARS)] | None


class ConsensusBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the result follows from the replicas; see docs/spec/consensus.md."""

    strategy: Name
    equivalence: Literal["exact", "json", "overlap", "verdict"]
    replicas_requested: Index
    replicas: Index
    votes: dict[Name, Index]
    agreement_bps: Bps
    agreement_threshold_bps: Bps
    confidence_bps: Bps
    confidence_method: Literal["laplace"]
    n_history: Uint
    disagreement_policy: Literal["return_all", "fail_hard", "best_effort"]
    non_votes: Index
    dissent: list[Index]
    winner: list[Index]


class PolicyBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The policy tier asked for, if any."""

    tier: Name | None


class BillLines(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The itemised bill in wei; `rebates` is subtracted."""

    base: Wei
    sla: Wei
    depth: Wei
    redundancy: Wei
    consensus: Wei
    validation: Wei
    surcharge: Wei
    rebates: Wei


class BillBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The charge in wei and everything it is computed from."""

    version: Uint16
    surcharge_epoch: Uint32
    terms: Word
    usage: Word
    lines: BillLines
    charge: Wei


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receipt body, format `cortensor-receipt/1`. `issued_at` is unix seconds."""

    format: Literal["cortensor-receipt/1"]
    endpoint: Literal["delegate", "validate"]
    api_version: Literal["v4"]
    issued_at: Uint
    chain: ChainBlock
    router: RouterBlock
    session_id: SessionId
    task_id: TaskId
    request_commitment: Hex32
    subject: Hex32
    replicas: Annotated[list[Replica], Meta(min_length=1, max_length=5)]
    evidence_root: Hex32
    result: ResultBlock
    consensus: ConsensusBlock
    policy: PolicyBlock
    tool_traces: list[Hex32]
    bill: BillBlock

    def to_json(self) -> dict[str, Any]:
        """Return the body as JSON data, every field present."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data

    @classmethod
    def from_json(cls, data: object) -> Body:
        """Read and check a body.

        Raises:
            InvalidInput: naming the first field that is missing, unknown or malformed.
        """
        try:
            return msgspec.convert(data, cls)
        except msgspec.ValidationError as error:
            reason, field = split_message(str(error))
            raise InvalidInput(reason, field=field) from error

    def canonical(self) -> bytes:
        """Return the canonical bytes. Raises InvalidInput if some text has none."""
        return canonical_bytes(self.to_json())

    def receipt_id(self) -> str:
        """Return the receipt's id as 0x-hex."""
        return receipt_id(self.to_json())

    def session(self) -> int:
        """Return the payment session as the contract's integer."""
        return int(self.session_id, 16)

    def domain(self) -> Domain:
        """Return the EIP-712 domain in which the receipt is signed."""
        return Domain(self.chain.chain_id, self.chain.session_payment)

    def struct(self) -> ReceiptStruct:
        """Return the struct the router signs for this body.

        Raises:
            InvalidInput: for an outcome without a code.
        """
        return ReceiptStruct(
            receipt_id=from_hex(self.receipt_id(), WORD_BYTES, "receipt_id"),
            session=self.session(),
            version=self.bill.version,
            surcharge_epoch=self.bill.surcharge_epoch,
            terms=int(self.bill.terms, 16),
            usage=int(self.bill.usage, 16),
            charge=int(self.bill.charge),
            request_commitment=from_hex(self.request_commitment, WORD_BYTES, "request_commitment"),
            subject=from_hex(self.subject, WORD_BYTES, "subject"),
            outcome=outcome_code(self.result.outcome),
            confidence_bps=self.consensus.confidence_bps,
            issued_at=self.issued_at,
        )


def split_message(message: str) -> tuple[str, str]:
    """Split msgspec's "reason - at `$.path`" into a reason and our dotted path."""
    reason, _, path = message.partition(" - at ")
    field = path.strip("`").removeprefix("$").lstrip(".")
    named = re.search(r"(?:required|unknown) field `([^`]*)`", reason)
    if named:
        field = f"{field}.{named[1]}".lstrip(".")
    return reason, field or "$"
