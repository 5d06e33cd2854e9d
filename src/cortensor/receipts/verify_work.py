# SPDX-License-Identifier: Apache-2.0
"""Checks of what was done: evidence, replicas, consensus and result, from the bundle alone."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from cortensor.consensus import FAILED, NO_CONSENSUS, VERDICT
from cortensor.receipts.body import BODY_FORMAT
from cortensor.receipts.bundle import Detached
from cortensor.receipts.canonical import struct_bytes
from cortensor.receipts.checks import differ, judge, not_checked
from cortensor.receipts.evidence import OK, evidence_root, output_hash
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import evidence_leaf

if TYPE_CHECKING:
    from cortensor.receipts.body import Body, Replica
    from cortensor.receipts.bundle import Bundle, Evidence
    from cortensor.receipts.checks import Check


_RESTATED = (
    "session_id",
    "task_id",
    "status",
    "verdict",
    "input_units",
    "output_units",
    "model",
)
_restated = attrgetter(*_RESTATED)
"""What a shown record says again of its entry."""


def check_evidence(bundle: Bundle) -> Check:
    """Every shown replica is what the receipt committed to, and the root covers every leaf."""
    replicas = {replica.index: replica for replica in bundle.receipt.replicas}
    leaves = [bytes.fromhex(replica.evidence_leaf[2:]) for replica in bundle.receipt.replicas]
    problems = differ(
        "evidence_root", bundle.receipt.evidence_root, evidence_root(leaves), "the leaves give"
    )
    shown: set[int] = set()
    for item in bundle.evidence:
        index = item.replica.index
        if index in shown:
            problems.append(f"replica {index} is shown twice")
        elif index not in replicas:
            problems.append(f"replica {index} is not in the receipt")
        else:
            problems += _compare_replica(item, replicas[index])
        shown.add(index)
    hidden = len(replicas) - len(bundle.outputs())
    if not problems and hidden:
        return not_checked("evidence", f"{hidden} of {len(replicas)} replicas are not shown")
    return judge("evidence", problems, f"{len(shown)} replicas, salted leaves and root recomputed")


def _compare_replica(item: Evidence, replica: Replica) -> list[str]:
    record = item.replica
    where = f"replicas[{record.index}]"
    problems = []
    if isinstance(record.output, Detached):
        shown_hash: str | None = record.output.keccak256
    else:
        leaf = evidence_leaf(bytes.fromhex(item.salt[2:]), struct_bytes(record))
        problems = differ(f"{where}.evidence_leaf", replica.evidence_leaf, to_hex(leaf), "shown is")
        shown_hash = output_hash(record.output)
    if _restated(replica) != _restated(record):
        for name in _RESTATED:
            problems += differ(
                f"{where}.{name}", getattr(replica, name), getattr(record, name), "shown is"
            )
    return problems + differ(f"{where}.output_hash", replica.output_hash, shown_hash, "shown is")


def check_replicas(body: Body) -> Check:
    """The replica entries do not contradict themselves or the endpoint."""
    problems: list[str] = []
    indices = [replica.index for replica in body.replicas]
    if indices != sorted(set(indices)):
        problems.append("replicas are not in ascending order of a unique index")
    # One run told twice would be a majority of its own.
    problems += [
        f"two replicas have one {name}"
        for name in ("session_id", "task_id")
        if len({getattr(replica, name) for replica in body.replicas}) != len(body.replicas)
    ]
    problems += _check_attempts(body)
    by_verdict = body.consensus.equivalence == VERDICT
    if by_verdict != (body.endpoint == "validate"):
        problems.append(f"{body.endpoint} cannot be decided by {body.consensus.equivalence}")
    for replica in body.replicas:
        where = f"replicas[{replica.index}]"
        delivered = replica.status == OK
        if not delivered and (replica.late or replica.verdict is not None):
            problems.append(f"{where} has status {replica.status} but a verdict or lateness")
        if by_verdict and replica.cluster is not None:
            problems.append(f"{where}.cluster is set on a validation")
        if not by_verdict and replica.verdict is not None:
            problems.append(f"{where}.verdict is set on a delegation")
        answered = delivered and replica.output_hash is not None and not by_verdict
        if not by_verdict and answered != (replica.cluster is not None):
            problems.append(f"{where}.cluster must be set exactly where an answer is")
    return judge("replicas", problems, f"{len(body.replicas)} entries are consistent")


def _check_attempts(body: Body) -> list[str]:
    """A run is told once: as a replica or as an attempt, and each on a session of its own."""
    attempts = body.attempts if isinstance(body.attempts, list) else []
    runs = [*body.replicas, *attempts]
    return [
        f"an attempt has the {name} of another run"
        for name in ("session_id", "task_id")
        if attempts and len({getattr(run, name) for run in runs}) != len(runs)
    ] + [
        f"attempt {each.session_id} is of no replica that was asked for"
        for each in attempts
        if each.index >= body.consensus.replicas_requested
    ]


def check_result(body: Body) -> Check:
    """The result is the winning group's, and there is none without a winner."""
    result = body.result
    winner = set(body.consensus.winner)
    # From format 2 on an outcome can have no winner: votes read backwards, an open dispute.
    unwon = body.format != BODY_FORMAT and result.outcome not in {NO_CONSENSUS, FAILED}
    problems: list[str] = []
    if body.consensus.equivalence == VERDICT:
        problems += differ(
            "result.verdict",
            result.verdict,
            result.outcome if winner or unwon else None,
            "the vote gives",
        )
        problems += differ("result.output_hash", result.output_hash, None, "a validation has")
    else:
        problems += differ("result.verdict", result.verdict, None, "a delegation has")
        hashes = {entry.output_hash for entry in body.replicas if entry.index in winner}
        if result.output_hash not in (hashes or {None}):
            problems.append("result.output_hash is not an answer of the winning group")
    if result.output_hash is None and result.output_summary is not None:
        problems.append("result.output_summary summarises no output")
    return judge("result", problems, f"{result.outcome} is the winning group's")
