# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: TC001 -- msgspec reads the annotations
"""The receipt body, field by field. Its canonical JSON is what the receipt id hashes.

Hex is lower-case and money is a decimal string, so that every body has one spelling; unknown
fields are refused, because a reader who ignores a field may miss what it says.
"""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from cortensor.errors import InvalidInput
from cortensor.receipts.canonical import MAX_SAFE_INTEGER, struct_bytes
from cortensor.receipts.fields import (
    Address,
    Bps,
    Hex32,
    Index,
    IntText,
    Name,
    Range,
    SafeInt,
    SessionId,
    Signature,
    TaskId,
    Uint,
    Uint16,
    Uint32,
    Wei,
    Word,
)
from cortensor.receipts.keccak import WORD_BYTES, from_hex, keccak256, to_hex
from cortensor.receipts.likeness import LikenessBlock, Tolerance
from cortensor.receipts.parties import PaymentBlock
from cortensor.receipts.rule import AdaptiveBlock, CalibrationBlock, ScaleBlock, WeighingBlock
from cortensor.receipts.typed import Domain, ReceiptStruct, outcome_code

if TYPE_CHECKING:
    from collections.abc import Callable

BODY_FORMAT: Literal["cortensor-receipt/1"] = "cortensor-receipt/1"
RULE_FORMAT: Literal["cortensor-receipt/2"] = "cortensor-receipt/2"
"""Format 1 and the fields that any other rule than a plain majority needs."""
LIKENESS_FORMAT: Literal["cortensor-receipt/3"] = "cortensor-receipt/3"
"""Format 2 and what makes answers the same that are not equal."""
PARTIES_FORMAT: Literal["cortensor-receipt/4"] = "cortensor-receipt/4"
"""Format 3 and what others than the router have a part in: miners, a payment, an older receipt."""
FORMATS = (BODY_FORMAT, RULE_FORMAT, LIKENESS_FORMAT, PARTIES_FORMAT)
API_VERSION = "v4"
SUMMARY_CHARS = 280


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

    From format 2 on, null where the rule has none: `weight_micro` and `likelihoods` in millionths
    of a nat, `preference` (wei or milliseconds) breaks ties, `value` is the score. Format 4:
    `miner_signature`, the miner's own word for the answer (`typed.ReplicaStruct`), or null.
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
    weight_micro: SafeInt | UnsetType | None = UNSET
    likelihoods: dict[Name, SafeInt] | UnsetType | None = UNSET
    preference: Wei | UnsetType | None = UNSET
    value: IntText | UnsetType | None = UNSET
    miner_signature: Signature | UnsetType | None = UNSET


class AttemptBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run that is no replica: it lost to another run of its `index`, or was replaced by it.

    `cause` says why it was made: as the replica itself (`first`), because that was `slow`, or had
    `failed`. Nobody is billed for it. `latency_ms` is from its dispatch to its end.
    """

    index: Index
    session_id: Name
    task_id: TaskId
    miner: Name | None
    cause: Literal["first", "slow", "failed"]
    status: Literal["OK", "ERROR", "TIMEOUT", "MISSING", "CANCELLED"]
    reason: Name | None
    latency_ms: Uint


class ResultBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the caller got: an outcome of `typed.OUTCOMES` and, for answers, their hash."""

    outcome: Name
    verdict: Name | None
    output_hash: Hex32 | None
    output_summary: Annotated[str, Meta(max_length=SUMMARY_CHARS)] | None


class ConsensusBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the result follows from the replicas; see docs/spec/consensus.md.

    `strategy` is the rule that was applied, and priced. From `weighing` on: format 2 and
    higher; `tolerance_millionths` and `likeness`: format 3; `operators`, how many miners the
    replicas that delivered have: format 4.
    """

    strategy: Name
    equivalence: Literal["exact", "json", "overlap", "embedding", "verdict", "score"]
    replicas_requested: Index
    replicas: Index
    votes: dict[Name, Index]
    agreement_bps: Bps
    agreement_threshold_bps: Bps
    confidence_bps: Bps
    confidence_method: Literal["laplace", "posterior", "temperature", "margin_table", "residuals"]
    n_history: Uint
    disagreement_policy: Literal["return_all", "fail_hard", "best_effort"]
    non_votes: Index
    dissent: list[Index]
    winner: list[Index]
    weighing: WeighingBlock | UnsetType = UNSET
    labels: list[Name] | UnsetType | None = UNSET
    non_vote_rule: Literal["abstain", "ignore", "against"] | UnsetType = UNSET
    n_eff_milli: Uint | UnsetType | None = UNSET
    margin_micro: SafeInt | UnsetType | None = UNSET
    calibration: CalibrationBlock | UnsetType = UNSET
    scale: ScaleBlock | UnsetType | None = UNSET
    value: IntText | UnsetType | None = UNSET
    interval: Range | UnsetType | None = UNSET
    least_confidence_bps: Bps | UnsetType | None = UNSET
    adaptive: AdaptiveBlock | UnsetType | None = UNSET
    tolerance_millionths: Tolerance | UnsetType = UNSET
    likeness: LikenessBlock | UnsetType | None = UNSET
    operators: Index | UnsetType = UNSET


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


_SINCE = {
    "tolerance_millionths": 2,
    "likeness": 2,
    "miner_signature": 3,
    "operators": 3,
    "payment": 3,
    "supersedes": 3,
}
"""Field -> position in `FORMATS` of the first format that has it; all others: format 2."""


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receipt body. `issued_at` is unix seconds. `attempts` is there if there were any.

    Format 4: `payment` is what paid beside the session, `supersedes` the receipt this one
    replaces, or null.

    Raises:
        InvalidInput: a field of a higher format is there, or one of its own is missing.
    """

    format: Literal[
        "cortensor-receipt/1", "cortensor-receipt/2", "cortensor-receipt/3", "cortensor-receipt/4"
    ]
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
    attempts: Annotated[list[AttemptBlock], Meta(min_length=1, max_length=30)] | UnsetType = UNSET
    payment: PaymentBlock | UnsetType | None = UNSET
    supersedes: Hex32 | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Hold each format to its fields: each has one spelling for one content."""
        level = FORMATS.index(self.format)
        _hold(level, "consensus.", self.consensus, _LATER_OF_CONSENSUS)
        for number, entry in enumerate(self.replicas):
            _hold(level, f"replicas[{number}].", entry, _LATER_OF_REPLICA)
        _hold(level, "", self, _LATER_OF_BODY)
        if level == FORMATS.index(PARTIES_FORMAT) and not self._has_parties():
            raise InvalidInput(
                f"{PARTIES_FORMAT} is for a miner's signature, a payment or a receipt replaced",
                field="format",
            )

    def _has_parties(self) -> bool:
        signatures = [entry.miner_signature for entry in self.replicas]
        return any(part is not None for part in (*signatures, self.payment, self.supersedes))

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
        return struct_bytes(self)

    def receipt_id(self) -> str:
        """Return the receipt's id as 0x-hex."""
        return to_hex(keccak256(self.canonical()))

    def session(self) -> int:
        """Return the payment session as the contract's integer."""
        return int(self.session_id, 16)

    def domain(self) -> Domain:
        """Return the EIP-712 domain in which the receipt is signed."""
        return Domain(self.chain.chain_id, self.chain.session_payment)

    def struct(self, receipt_id: str | None = None) -> ReceiptStruct:
        """Return the struct the router signs for this body.

        Args:
            receipt_id: the body's own, where it is known already.

        Raises:
            InvalidInput: for an outcome without a code.
        """
        return ReceiptStruct(
            receipt_id=from_hex(receipt_id or self.receipt_id(), WORD_BYTES, "receipt_id"),
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


class _Later(NamedTuple):
    """The fields of a block that not every format has."""

    names: tuple[str, ...]
    since: tuple[int, ...]
    read: Callable[[object], tuple[object, ...]]
    there: tuple[tuple[bool, ...], ...]
    nothing: tuple[object, ...]

    @classmethod
    def of(cls, block: type[msgspec.Struct]) -> _Later:
        """Return those of a block: by position in `FORMATS` which of them must be there."""
        names = tuple(
            field.name
            for field in msgspec.structs.fields(block)
            if field.default is UNSET and field.name != "attempts"
        )
        since = tuple(_SINCE.get(name, 1) for name in names)
        there = tuple(tuple(level >= each for each in since) for level in range(len(FORMATS)))
        return cls(names, since, attrgetter(*names), there, (UNSET,) * len(names))


_LATER_OF_REPLICA = _Later.of(Replica)
_LATER_OF_CONSENSUS = _Later.of(ConsensusBlock)
_LATER_OF_BODY = _Later.of(Body)


def later_fields() -> dict[str, dict[str, int]]:
    """Return by block the fields that not every format has, with where in `FORMATS` they begin."""
    blocks = {
        "body": _LATER_OF_BODY,
        "consensus": _LATER_OF_CONSENSUS,
        "replica": _LATER_OF_REPLICA,
    }
    return {
        name: dict(zip(later.names, later.since, strict=True)) for name, later in blocks.items()
    }


def _hold(level: int, where: str, block: msgspec.Struct, later: _Later) -> None:
    values = later.read(block)
    if level == 0 and values == later.nothing:  # most receipts: told apart without a loop
        return
    found = tuple([value is not UNSET for value in values])
    if found == later.there[level]:
        return
    at = [ours == theirs for ours, theirs in zip(found, later.there[level], strict=True)].index(
        False
    )
    since = later.since[at]
    reason = "is a field of" if level < since else "is missing in"
    raise InvalidInput(
        f"{where}{later.names[at]} {reason} {FORMATS[max(level, since)]}", field="format"
    )


def split_message(message: str) -> tuple[str, str]:
    """Split msgspec's "reason - at `$.path`" into a reason and our dotted path."""
    reason, _, path = message.partition(" - at ")
    field = path.strip("`").removeprefix("$").lstrip(".")
    named = re.search(r"(?:required|unknown) field `([^`]*)`", reason)
    if named:
        field = f"{field}.{named[1]}".lstrip(".")
    return reason, field or "$"
