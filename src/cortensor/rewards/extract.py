# SPDX-License-Identifier: Apache-2.0
"""From receipts to rows: what each body says of the nodes that ran it.

A heartbeat is a receipt like any other, so it is signed, anchored and provable like any other: a
job that a router sends by itself to up to five nodes, under the policy tier `heartbeat`, and that
charges nobody. Whoever was silent is in it as TIMEOUT or ERROR.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cortensor.receipts.evidence import OK
from cortensor.receipts.tiers import HEARTBEAT as HEARTBEAT_TIER
from cortensor.rewards.records import (
    AGREED,
    DISSENTED,
    ERROR,
    HEARTBEAT,
    MAX_UNITS,
    PAID,
    TIMEOUT,
    UNDECIDED,
    model_numbers,
    record_frame,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from cortensor.receipts.body import AttemptBlock, Body, Replica
    from cortensor.rewards.roster import Roster

BPS = 10_000
_MAX_LATENCY = 2**32 - 1
_KEY_BYTES = 16
_ROW: Mapping[str, str] = MappingProxyType(
    {
        "receipt": "I",
        "node": "I",
        "kind": "B",
        "outcome": "B",
        "contest_bps": "H",
        "units": "I",
        "model": "I",
        "latency_ms": "I",
    }
)
"""Columns and their kinds, before receipts have an order and models their numbers."""
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
    key: bytes


class _Rows:
    """Rows as they come, in few bytes each: a million bodies at once would not fit."""

    def __init__(self) -> None:
        self.receipts: dict[bytes, int] = {}
        self.issued = array("Q")
        self.replaced: set[bytes] = set()
        self.models: dict[str, int] = {}
        self.keys = bytearray()
        self.columns = {name: array(kind) for name, kind in _ROW.items()}

    def add(self, receipt: str, body: Body, roster: Roster) -> None:
        """Take what a receipt says."""
        identifier = bytes.fromhex(receipt[2:])
        if identifier in self.receipts:
            return
        number = self.receipts[identifier] = len(self.receipts)
        self.issued.append(body.issued_at)
        if isinstance(body.supersedes, str):
            self.replaced.add(bytes.fromhex(body.supersedes[2:]))
        kind = HEARTBEAT if body.policy.tier == HEARTBEAT_TIER else PAID
        contest = contest_bps(body)
        for run in _runs(body, roster):
            row = (
                number,
                run.node,
                kind,
                run.outcome,
                contest if run.outcome in {AGREED, DISSENTED} else 0,
                min(run.units, MAX_UNITS),
                self.models.setdefault(run.model, len(self.models)),
                min(run.latency_ms, _MAX_LATENCY),
            )
            for column, value in zip(self.columns.values(), row, strict=True):
                column.append(value)
            self.keys += run.key

    def records(self, roster: Roster) -> Records:
        """Return the rows that count, sorted and numbered. These here are let go on the way."""
        order = self._order()
        places = np.full(len(self.receipts), -1)
        places[order] = np.arange(len(order))
        found = {
            name: np.frombuffer(column, column.typecode) for name, column in self.columns.items()
        }
        numbers = found.pop("receipt")
        task, node = places[numbers], found["node"]
        rows = self._shown_first(np.flatnonzero(task >= 0), task)
        rows = rows[np.lexsort((node[rows], task[rows]))]
        known = list(self.models)
        names = sorted({known[number] for number in np.unique(found["model"][rows])} - {""})
        by_name = model_numbers(names)
        operators = np.array(roster.operator_of, np.uint32)
        self.keys.clear()
        columns = {
            "task": task[rows],
            "operator": operators[node[rows]],
            "at": np.array(self.issued)[numbers[rows]],
            **{name: column[rows] for name, column in found.items()},
        }
        columns["model"] = np.array([by_name.get(name, 0) for name in known], np.uint16)[
            columns["model"]
        ]
        ids = list(self.receipts)
        frame = record_frame(pl.DataFrame(columns))
        return Records(frame, names, [ids[number] for number in order.tolist()])

    def _shown_first(
        self, rows: npt.NDArray[np.int64], task: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Return the rows without those of a run that an earlier one shows."""
        keys = np.frombuffer(self.keys, np.uint64).reshape(-1, 2)
        half = keys[rows, 0]
        by_half = np.argsort(half, kind="stable")
        alike = np.flatnonzero(half[by_half[1:]] == half[by_half[:-1]])
        if not len(alike):
            return rows
        # A handful as a rule: only these are compared by whole keys, the earliest one first.
        some = rows[by_half[np.union1d(alike, alike + 1)]]
        some = some[np.lexsort((some, task[some], keys[some, 1], keys[some, 0]))]
        again = some[1:][(keys[some[1:]] == keys[some[:-1]]).all(axis=1)]
        return np.setdiff1d(rows, again, assume_unique=True)

    def _order(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the receipts that count, by time and then by id."""
        words = np.frombuffer(b"".join(self.receipts), ">u8").reshape(-1, 4)
        counts = np.array([each not in self.replaced for each in self.receipts], np.bool_)
        order = np.lexsort((*words.T[::-1], np.array(self.issued)))
        return order[counts[order]]


def collect(bodies: Iterable[tuple[str, Body]], roster: Roster) -> Records:
    """Return the rows of an epoch's receipts.

    A receipt counts once, one that another replaces not at all, and a run (its compute session and
    task) only in the first receipt that shows it: showing it again multiplies no work.

    Args:
        bodies: (receipt id as 0x-hex, body) of every receipt that counts to the epoch: anchored,
            and not revoked. Only one is held at a time.
        roster: the epoch's nodes; others have no rows.

    Raises:
        InvalidInput: for more than 65,535 model names.
    """
    rows = _Rows()
    for receipt, body in bodies:
        rows.add(receipt, body, roster)
    return rows.records(roster)


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


def _runs(body: Body, roster: Roster) -> Iterable[_Run]:
    decided = is_decided(body)
    for entry in body.replicas:
        node = roster.index_of(entry.miner)
        if node is None:
            continue
        outcome = _outcome(entry, body, is_decided=decided)
        units = entry.input_units + entry.output_units if outcome not in {TIMEOUT, ERROR} else 0
        yield _Run(node, outcome, units, entry.model, entry.latency_ms, _key(entry))
    # Runs that another replaced because they failed: nobody pays for them, and they count against.
    for attempt in body.attempts or ():
        node = roster.index_of(attempt.miner)
        if node is None or attempt.status not in _BY_STATUS:
            continue
        yield _Run(node, _BY_STATUS[attempt.status], 0, "", attempt.latency_ms, _key(attempt))


def _key(run: Replica | AttemptBlock) -> bytes:
    """Return 16 bytes that stand for a run's compute session and task."""
    return blake2b(f"{run.session_id} {run.task_id}".encode(), digest_size=_KEY_BYTES).digest()


def _outcome(entry: Replica, body: Body, *, is_decided: bool) -> int:
    if entry.status != OK:
        return _BY_STATUS[entry.status]
    consensus = body.consensus
    if entry.index not in consensus.winner and entry.index not in consensus.dissent:
        return ERROR  # delivered, but nothing that could be read as an answer
    if not is_decided:
        return UNDECIDED
    return AGREED if entry.index in consensus.winner else DISSENTED
