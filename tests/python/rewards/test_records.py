# SPDX-License-Identifier: Apache-2.0
"""Rows as columns and bytes, and the roster they index."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.rewards.records import (
    MAGIC,
    SCHEMA,
    from_bytes,
    joined,
    moved,
    record_frame,
    size_of,
    to_bytes,
    with_models,
)
from cortensor.rewards.roster import Node, Roster
from tests.python.rewards.receipt_bodies import roster

LIMITS = (64, 32, 32, 64, 8, 8, 16, 32, 16, 32)
ROWS = st.lists(st.tuples(*(st.integers(0, 2**bits - 1) for bits in LIMITS)), max_size=8)


def frame(rows: list[tuple[int, ...]]) -> pl.DataFrame:
    return record_frame({name: [row[i] for row in rows] for i, name in enumerate(SCHEMA)})


@pytest.mark.fuzz
@given(ROWS, st.randoms())
def test_the_same_rows_are_the_same_bytes_in_any_order(
    rows: list[tuple[int, ...]], random: Random
) -> None:
    data = to_bytes(frame(rows))
    assert len(data) == size_of(frame(rows)) == len(MAGIC) + 8 + 38 * len(rows)
    assert from_bytes(data).rows() == sorted(rows)
    random.shuffle(rows)
    assert to_bytes(frame(rows)) == data


def test_bytes_are_little_endian_columns() -> None:
    data = to_bytes(frame([(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)]))
    expected = (
        "0100000000000000 02000000 03000000 0400000000000000 05 06 0700 08000000 0900 0a000000"
    )
    assert data == MAGIC + (1).to_bytes(8, "little") + bytes.fromhex(expected)


def test_bytes_that_are_none_are_refused() -> None:
    rows = [(1,) * 10, (2,) * 10]
    data = to_bytes(frame(rows))
    for wrong in (b"", data[:-1], data + b"\0", b"x" + data[1:]):
        with pytest.raises(InvalidInput, match="binary form"):
            from_bytes(wrong)
    swapped = data[: len(MAGIC) + 8] + b"".join(
        data[at + size : at + 2 * size] + data[at : at + size] for at, size in columns_of(data)
    )
    with pytest.raises(InvalidInput, match="sorted"):
        from_bytes(swapped)


def columns_of(data: bytes) -> list[tuple[int, int]]:
    found, at = [], len(MAGIC) + 8
    for bits in LIMITS:
        found.append((at, bits // 8))
        at += 2 * bits // 8
    assert at == len(data)
    return found


@pytest.mark.parametrize(
    "change", [{"task": [-1]}, {"kind": [256]}, {"units": ["x"]}, {"at": [2**64]}, {"node": []}]
)
def test_a_value_that_does_not_fit_is_refused(change: dict[str, list[object]]) -> None:
    with pytest.raises(InvalidInput) as caught:
        record_frame({name: [1] for name in SCHEMA} | change)
    assert caught.value.field == "records"


def test_a_column_that_is_missing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not a table of replicas"):
        record_frame({name: [1] for name in SCHEMA if name != "units"})


def test_earlier_rows_move_to_a_later_roster() -> None:
    before, after = roster({5: [1, 2], 6: [3]}), roster({4: [9], 5: [2], 7: [3]})
    rows = [
        (0, 0, 0, 1, 0, 0, 0, 1, 0, 1),
        (0, 1, 0, 1, 0, 0, 0, 1, 1, 1),
        (1, 2, 1, 1, 0, 0, 0, 1, 2, 1),
    ]
    found = moved(frame(rows), (before, after), (["b", "d"], ["a", "b", "c", "d"]))
    assert [(r["node"], r["operator"], r["model"]) for r in found.to_dicts()] == [
        (1, 1, 3),
        (2, 2, 4),
    ]
    with pytest.raises(InvalidInput, match="earlier epoch's names"):
        moved(frame(rows), (before, after), (["b"], ["a"]))


def test_models_are_numbered_anew_by_more_names() -> None:
    rows = frame([(n, 0, 0, 1, 0, 0, 0, 1, model, 1) for n, model in enumerate((0, 1, 2, 0))])
    assert with_models(rows, ["b", "d"], ["b", "d"]).equals(rows)
    found = with_models(rows, ["b", "d"], ["a", "b", "d", "e"])
    assert found["model"].to_list() == [1, 2, 4, 1]
    assert found.schema == rows.schema
    with pytest.raises(InvalidInput, match="earlier epoch's names"):
        with_models(rows, ["b"], ["a"])
    with pytest.raises(InvalidInput, match="at most 65535 models"):
        with_models(rows, ["1"], [str(n) for n in range(65_536)])


def test_epochs_are_joined_with_their_tasks_numbered_on() -> None:
    one, two = frame([(0,) * 10, (4,) + (0,) * 9]), frame([(0,) * 10, (1,) + (0,) * 9])
    assert joined([one, frame([]), two])["task"].to_list() == [0, 4, 5, 6]
    assert joined([]).is_empty()


def test_a_roster_is_sorted_by_operator_and_survives_its_bytes() -> None:
    made = roster({9: [1], 3: [7, 5]}, unstaked=(7,))
    assert made.nodes == [Node(3, 5, True), Node(3, 7, False), Node(9, 1, True)]
    assert (made.operators, made.operator_of) == ([3, 9], [0, 0, 1])
    again = Roster.from_bytes(made.to_bytes())
    assert again.nodes == made.nodes
    assert len(again) == 3


@pytest.mark.parametrize("miner", [None, "miner-a", "0x" + "0" * 39, "0x" + "0" * 39 + "2"])
def test_what_names_no_node_has_no_index(miner: str | None) -> None:
    made = roster({9: [1]})
    assert made.index_of(miner) is None
    assert made.index_of("0x" + "0" * 39 + "1") == 0


@pytest.mark.parametrize(
    "nodes",
    [
        [Node(1, 5, True), Node(2, 5, True)],
        [Node(1, 0, True)],
        [Node(0, 1, True)],
        [Node(1, 2**160, True)],
    ],
)
def test_a_node_twice_or_no_address_is_refused(nodes: list[Node]) -> None:
    with pytest.raises(InvalidInput):
        Roster(nodes)


def test_bytes_that_are_no_roster_are_refused() -> None:
    data = roster({1: [2, 3]}).to_bytes()
    for wrong in (data[:-1], data[41:] + data[:41], data[:40] + b"\2" + data[41:]):
        with pytest.raises(InvalidInput):
            Roster.from_bytes(wrong)
