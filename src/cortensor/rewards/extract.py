# SPDX-License-Identifier: Apache-2.0
"""From receipts to rows: what each body says of the nodes that ran it.

A heartbeat is a receipt like any other, so it is signed, anchored and provable like any other: a
job that a router sends by itself to up to five nodes, under the policy tier `heartbeat`, and that
charges nobody. Whoever was silent is in it as TIMEOUT or ERROR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cortensor.receipts.evidence import OK
from cortensor.receipts.tiers import HEARTBEAT as HEARTBEAT_TIER
from cortensor.rewards.records import (
    AGREED,
    DISSENTED,
    ERROR,
    HEARTBEAT,
    MAX_UNITS,
    PAID,
    SCHEMA,
    TIMEOUT,
    UNDECIDED,
    model_numbers,
    record_frame,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from cortensor.receipts.body import Body, Replica
    from cortensor.rewards.roster import Roster

BPS = 10_000
_MAX_LATENCY = 2**32 - 1
_BY_STATUS = {"TIMEOUT": TIMEOUT, "ERROR": ERROR}


class Records(NamedTuple):
    """An epoch's rows and what their numbers stand for.

    Attributes:
        frame: columns of `records.SCHEMA`.
        models: names, by the number in `model`; the number after the last: never answered.
        receipts: 32-byte receipt ids, by the number in `task`.
    """

    frame: pl.DataFrame
    models: list[str]
    receipts: list[bytes]


class _Run(NamedTuple):
    node: int
    outcome: int
    units: int
    model: str
    latency_ms: int


def collect(bodies: Iterable[tuple[str, Body]], roster: Roster) -> Records:
    """Return the rows of an epoch's receipts.

    A receipt counts once, one that another replaces not at all, and a run (its compute session and
    task) only in the first receipt that shows it: showing it again multiplies no work.

    Args:
        bodies: (receipt id as 0x-hex, body) of every receipt that counts to the epoch: anchored,
            and not revoked.
        roster: the epoch's nodes; others have no rows.

    Raises:
        InvalidInput: for more than 65,536 model names.
    """
    by_id = dict(bodies)
    replaced = {body.supersedes for body in by_id.values() if isinstance(body.supersedes, str)}
    counted = sorted(
        (body.issued_at, receipt) for receipt, body in by_id.items() if receipt not in replaced
    )
    names = sorted({entry.model for _, receipt in counted for entry in by_id[receipt].replicas})
    numbers = model_numbers(names)
    columns: dict[str, list[int]] = {name: [] for name in SCHEMA}
    seen: set[tuple[str, str]] = set()
    for task, (issued_at, receipt) in enumerate(counted):
        body = by_id[receipt]
        kind = HEARTBEAT if body.policy.tier == HEARTBEAT_TIER else PAID
        contest = contest_bps(body)
        for run in _runs(body, roster, seen):
            row = (
                task,
                run.node,
                roster.operator_of[run.node],
                issued_at,
                kind,
                run.outcome,
                contest if run.outcome in {AGREED, DISSENTED} else 0,
                min(run.units, MAX_UNITS),
                numbers[run.model],
                min(run.latency_ms, _MAX_LATENCY),
            )
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    ids = [bytes.fromhex(receipt[2:]) for _, receipt in counted]
    return Records(record_frame(columns), names, ids)


def contest_bps(body: Body) -> int:
    """Return the share of the votes that did not go to the winner; 0 if all did, or none won."""
    consensus = body.consensus
    votes = len(consensus.winner) + len(consensus.dissent)
    return BPS * len(consensus.dissent) // votes if is_decided(body) else 0


def is_decided(body: Body) -> bool:
    """Return whether one answer won by more votes than any other, or by the rule's weights.

    A tie that a replica's number broke says nothing of who was right.
    """
    consensus = body.consensus
    if not consensus.winner:
        return False
    best = sorted(consensus.votes.values(), reverse=True)[:2]
    is_tied = len(best) == 2 and best[0] == best[1] == len(consensus.winner)  # noqa: PLR2004
    return not is_tied


def _runs(body: Body, roster: Roster, seen: set[tuple[str, str]]) -> Iterable[_Run]:
    decided = is_decided(body)
    for entry in body.replicas:
        node = roster.index_of(entry.miner)
        key = (entry.session_id, entry.task_id)
        if node is None or key in seen:
            continue
        seen.add(key)
        outcome = _outcome(entry, body, is_decided=decided)
        units = entry.input_units + entry.output_units if outcome not in {TIMEOUT, ERROR} else 0
        yield _Run(node, outcome, units, entry.model, entry.latency_ms)
    # Runs that another replaced because they failed: nobody pays for them, and they count against.
    for attempt in body.attempts or ():
        node = roster.index_of(attempt.miner)
        key = (attempt.session_id, attempt.task_id)
        if node is None or key in seen or attempt.status not in _BY_STATUS:
            continue
        seen.add(key)
        yield _Run(node, _BY_STATUS[attempt.status], 0, "", attempt.latency_ms)


def _outcome(entry: Replica, body: Body, *, is_decided: bool) -> int:
    if entry.status != OK:
        return _BY_STATUS[entry.status]
    consensus = body.consensus
    if entry.index not in consensus.winner and entry.index not in consensus.dissent:
        return ERROR  # delivered, but nothing that could be read as an answer
    if not is_decided:
        return UNDECIDED
    return AGREED if entry.index in consensus.winner else DISSENTED
