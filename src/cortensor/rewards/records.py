# SPDX-License-Identifier: Apache-2.0
"""An epoch's replicas as columns, and the one binary form whose digest everyone recomputes.

A row is one run of one node in one receipt. Rows are sorted by all their columns, task first, and
tasks are numbered in the order of time: so equal contents are equal bytes on every machine.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from cortensor.rewards.roster import Roster

PAID, HEARTBEAT = 0, 1
AGREED, DISSENTED, TIMEOUT, ERROR, UNDECIDED = range(5)
"""How a run ended. Undecided: it answered, but no answer was given more often than any other."""
ANSWERED: Final = (AGREED, DISSENTED, UNDECIDED)
FAILED: Final = (DISSENTED, TIMEOUT, ERROR)
"""What ends a streak."""
MAGIC = b"cortensor-reward-records/1\n"
ENGINE: Final = "streaming"
"""How sums over rows are collected: piece by piece, no second table beside the rows."""

SCHEMA: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "task": pl.UInt64,  # number in the order of time
        "node": pl.UInt32,  # index in the roster
        "operator": pl.UInt32,  # index among the roster's operators
        "at": pl.UInt64,  # unix seconds
        "kind": pl.UInt8,  # PAID, HEARTBEAT
        "outcome": pl.UInt8,  # AGREED, DISSENTED, TIMEOUT, ERROR, UNDECIDED
        "contest_bps": pl.UInt16,  # share of the answers that were not the winner's
        "units": pl.UInt32,  # tokens in and out
        "model": pl.UInt16,  # index in the names beside
        "latency_ms": pl.UInt32,
    }
)
_WIDTHS: Final = MappingProxyType({pl.UInt64: 8, pl.UInt32: 4, pl.UInt16: 2, pl.UInt8: 1})
_ROW_BYTES: Final = sum(_WIDTHS[kind] for kind in SCHEMA.values())
_MAX_MODELS: Final = 2**16 - 1
MAX_UNITS: Final = 2**24 - 1
"""More tokens of one run than this count as this: sums of an epoch stay within 63 bits."""


def record_frame(columns: Mapping[str, Sequence[int]] | pl.DataFrame) -> pl.DataFrame:
    """Return the columns with their types and in their order of rows.

    Raises:
        InvalidInput: if a column is missing or unknown, or a value does not fit its type.
    """
    try:
        frame = pl.DataFrame(columns, schema_overrides=dict(SCHEMA))
        typed = frame.select(pl.col(name).cast(kind, strict=True) for name, kind in SCHEMA.items())
    except (pl.exceptions.PolarsError, OverflowError, TypeError) as error:
        raise InvalidInput(f"is not a table of replicas: {error}", field="records") from error
    # Sorting takes as much memory again as the rows do, and most come sorted.
    is_sorted = _is_sorted([typed[name].to_numpy() for name in SCHEMA])
    return typed if is_sorted else typed.sort(list(SCHEMA))


def pieces(frame: pl.DataFrame) -> Iterator[bytes | memoryview]:
    """Give the binary form: magic, count of rows (u64), each column, all little-endian."""
    yield MAGIC + len(frame).to_bytes(8, "little")
    for name, kind in SCHEMA.items():
        column = frame[name].to_numpy()
        yield np.ascontiguousarray(column, f"<u{_WIDTHS[kind]}").data.cast("B")


def size_of(frame: pl.DataFrame) -> int:
    """Return the length of the binary form."""
    return len(MAGIC) + 8 + len(frame) * _ROW_BYTES


def to_bytes(frame: pl.DataFrame) -> bytes:
    """Return the binary form."""
    return b"".join(pieces(frame))


def from_bytes(data: bytes) -> pl.DataFrame:
    """Read the binary form.

    Raises:
        InvalidInput: if it is not one, or its rows are not in their order.
    """
    start = len(MAGIC) + 8
    count = int.from_bytes(data[len(MAGIC) : start], "little")
    if not data.startswith(MAGIC) or len(data) != start + count * _ROW_BYTES:
        raise InvalidInput("is not the binary form of replicas", field="records")
    columns = {}
    for name, kind in SCHEMA.items():
        columns[name] = np.frombuffer(data, f"<u{_WIDTHS[kind]}", count, start)
        start += count * _WIDTHS[kind]
    if not _is_sorted(list(columns.values())):
        raise InvalidInput("must have its rows sorted", field="records")
    return pl.DataFrame(columns, schema=dict(SCHEMA))


def _is_sorted(columns: Sequence[npt.NDArray[Any]]) -> bool:
    # Row by row the first column that differs decides; no copy of the table is made for it.
    equal = np.ones(max(0, len(columns[0]) - 1), np.bool_)
    for column in columns:
        above, below = column[:-1], column[1:]
        if bool(np.any(equal & (below < above))):
            return False
        equal &= below == above
    return True


def moved(
    frame: pl.DataFrame,
    rosters: tuple[Roster, Roster],
    models: tuple[Sequence[str], Sequence[str]],
) -> pl.DataFrame:
    """Return an earlier epoch's rows by a later one's indices, without nodes that left.

    Args:
        frame: columns of `SCHEMA`.
        rosters: the earlier and the later one.
        models: the names of the earlier and of the later one.

    Raises:
        InvalidInput: if the later names lack one of the earlier.
    """
    before, after = rosters
    places = after.moved_from(before)
    nodes = pl.DataFrame(
        {
            "node": list(places),
            "_node": list(places.values()),
            "_operator": [after.operator_of[index] for index in places.values()],
        },
        schema={"node": pl.UInt32, "_node": pl.UInt32, "_operator": pl.UInt32},
    )
    found = frame.join(nodes, on="node").with_columns(node="_node", operator="_operator")
    return record_frame(with_models(found.select(list(SCHEMA)), *models))


def model_numbers(names: Sequence[str]) -> dict[str, int]:
    """Return the numbers that stand for models: their places, and one more for none.

    Raises:
        InvalidInput: for more than 65,535 names.
    """
    numbers = {name: number for number, name in enumerate(names)}
    numbers[""] = len(names)  # of a run that never answered
    if numbers[""] > _MAX_MODELS:
        raise InvalidInput(f"must name at most {_MAX_MODELS} models", field="records.model")
    return numbers


def with_models(frame: pl.DataFrame, before: Sequence[str], after: Sequence[str]) -> pl.DataFrame:
    """Return rows whose models are numbered by other names; in order, if both lists are sorted.

    Args:
        frame: columns of `SCHEMA`.
        before: the names by which they are numbered.
        after: the names by which they are to be.

    Raises:
        InvalidInput: if the later names lack one of the earlier, or are too many.
    """
    numbers = model_numbers(after)
    if not numbers.keys() >= set(before):
        raise InvalidInput("must hold the earlier epoch's names", field="records.models")
    if list(before) == list(after):
        return frame
    places = pl.Series([*(numbers[name] for name in before), numbers[""]], dtype=pl.UInt16)
    return frame.with_columns(model=places.gather(frame["model"]))


def joined(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return several epochs' rows, earliest first, with their tasks numbered on."""
    found: list[pl.DataFrame] = []
    first = 0
    for frame in frames:
        found.append(frame.with_columns(pl.col("task") + first))
        last = frame["task"].max()
        first += int(last) + 1 if isinstance(last, int) else 0
    return pl.concat(found) if found else record_frame({name: [] for name in SCHEMA})
