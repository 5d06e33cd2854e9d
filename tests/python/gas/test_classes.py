# SPDX-License-Identifier: Apache-2.0
"""Steps into classes of gas, and the whole closed to the receipt's unit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import VerificationFailed
from cortensor.gas import kinds
from cortensor.gas.classes import Execution, classify
from cortensor.gas.closure import close
from cortensor.gas.storage_gas import CLEAR, RESET, REWRITE, SAME, SET, write
from cortensor.gas.trace import Trace, read_steps
from tests.python.gas.traces import OTHER, TARGET, calling, receipt, trace, transaction


def execution(found: Trace, originals: Any = None, **more: Any) -> Execution:
    is_failed = more.pop("is_failed", False)
    sent = transaction(**more)
    steps = read_steps(found, is_creation=sent.to is None, is_failed=is_failed)
    told = receipt(0, is_failed=is_failed)
    return classify(found, steps, sent, told, originals or {})


def test_cold_and_warm_and_again() -> None:
    found = execution(
        trace(
            ("SLOAD", 2_100, ["1"]),
            ("SLOAD", 100, ["1"]),
            ("SSTORE", 20_000, ["1", "5"]),
            ("SLOAD", 100, ["1"]),
            ("STOP", 0),
        )
    )
    assert found.classes == {
        kinds.COMPUTATION: 300, kinds.STORAGE_READ: 2_000, kinds.STORAGE_GROWTH: 20_000
    }  # fmt: skip
    assert [each.is_redundant for each in found.accesses] == [False, True, False, False]
    assert [each.kind for each in found.accesses] == ["read", "read", SET, "read"]


def test_events_calls_and_code() -> None:
    found = execution(
        trace(
            ("LOG2", 375 * 3 + 8 * 64 + 3, ["40"]),
            ("BALANCE", 2_600, [OTHER[2:]]),
            ("STATICCALL", 100 + 7, [OTHER[2:], "0"]),
            ("CALL", 100, ["4", "0"]),
            ("EXTCODECOPY", 100 + 6 + 3, [OTHER[2:], "40"]),
            ("STOP", 0),
        )
    )
    assert found.classes[kinds.HISTORY_GROWTH] == 2 * 256 + 8 * 64
    assert found.classes[kinds.STORAGE_READ] == 2_500 + 6
    assert found.gas == 1_640 + 2_600 + 107 + 100 + 109


def test_what_a_failed_frame_touched_is_undone() -> None:
    through = execution(calling(inner_fails=False))
    assert [each.address for each in through.accesses] == [OTHER, TARGET]
    undone = execution(calling(inner_fails=True), {(OTHER, 1): 0})
    assert undone.classes == through.classes
    assert undone.refund == 0


def test_refunds_of_a_failed_frame_are_none() -> None:
    clearing = trace(("SSTORE", 5_000, ["1", "0"]), ("REVERT", 0, ["0", "0", "0"]))
    assert execution(clearing, {(TARGET, 1): 9}, is_failed=True).refund == 0
    cleared = trace(("SSTORE", 5_000, ["1", "0"]), ("STOP", 0))
    assert execution(cleared, {(TARGET, 1): 9}).refund == 4_800


def test_code_is_growth() -> None:
    found = execution(trace(("RETURN", 0, ["0", "40", "40"]), address=OTHER), to=None)
    assert found.classes == {kinds.COMPUTATION: 0, kinds.STORAGE_GROWTH: 200 * 64}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (("SLOAD", 100, ["1"]), "step 0, SLOAD, took 100 gas; by the rules of Cancun 2100"),
        (("SSTORE", 2_900, ["1", "5"]), "took 2900 gas; by the rules of Cancun 22100"),
        (("BALANCE", 100, [OTHER[2:]]), "by the rules of Cancun 2600"),
        (("LOG1", 300, ["40"]), "by the rules of Cancun 768"),
        (("CALL", 40, ["4", "0"]), "by the rules of Cancun 100"),
    ],
)
def test_a_step_that_breaks_the_rules(step: Any, words: str) -> None:
    with pytest.raises(VerificationFailed, match=words) as caught:
        execution(trace(step, ("STOP", 0)))
    assert caught.value.code == "not_closed"


@pytest.mark.parametrize("step", [("SLOAD", 2_100), ("CALL", 100), ("BALANCE", 100), ("LOG1", 750)])
def test_operands_that_are_missing(step: Any) -> None:
    with pytest.raises(VerificationFailed) as caught:
        execution(trace(step, ("STOP", 0)))
    assert caught.value.code == "truncated_trace"


# The cases of EIP-2200's own table, at the prices of EIP-2929 and 3529 for a warm slot: original,
# the values written one after the other, gas of all writes, refund.
TABLE = [
    ((0, [0, 0]), (200, 0)),
    ((0, [0, 1]), (20_100, 0)),
    ((0, [1, 0]), (20_100, 19_900)),
    ((0, [1, 2]), (20_100, 0)),
    ((0, [1, 1]), (20_100, 0)),
    ((1, [0, 0]), (3_000, 4_800)),
    ((1, [0, 1]), (3_000, 2_800)),
    ((1, [0, 2]), (3_000, 0)),
    ((1, [2, 0]), (3_000, 4_800)),
    ((1, [2, 3]), (3_000, 0)),
    ((1, [2, 1]), (3_000, 2_800)),
    ((1, [2, 2]), (3_000, 0)),
    ((1, [1, 0]), (3_000, 4_800)),
    ((1, [1, 2]), (3_000, 0)),
    ((1, [1, 1]), (200, 0)),
    ((0, [1, 0, 1]), (40_100, 19_900)),
    ((1, [0, 1, 0]), (5_900, 7_600)),
]


@pytest.mark.parametrize(("given_", "expected"), TABLE)
def test_writes_take_and_give_back(
    given_: tuple[int, list[int]], expected: tuple[int, int]
) -> None:
    original, values = given_
    gas = refund = 0
    current = original
    for value in values:
        done = write(original, current, value)
        gas, refund, current = gas + done.gas, refund + done.refund, value
    assert (gas, refund) == expected


@given(st.integers(0, 2), st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_the_refund_counter_never_falls_below_nothing(original: int, values: list[int]) -> None:
    refund, current, kinds_seen = 0, original, set()
    for value in values:
        done = write(original, current, value)
        kinds_seen.add(done.kind)
        refund, current = refund + done.refund, value
        assert refund >= 0
    assert kinds_seen <= {SET, RESET, CLEAR, REWRITE, SAME}


def test_it_closes_to_the_unit() -> None:
    sent = transaction(b"\0\1")
    found = close(sent, receipt(21_020 + 500 + 7, poster_gas=7), 500, 0)
    assert (found.intrinsic, found.execution, found.poster) == (21_020, 500, 7)
    assert str(found) == "intrinsic 21,020 + execution 500 - refund 0 + poster 7 = 21,527"


def test_the_refund_is_a_fifth_at_most_and_poster_gas_no_part_of_that() -> None:
    assert close(transaction(), receipt(24_800 + 1_000, poster_gas=1_000), 10_000, 9_000) == (
        21_000, 10_000, 6_200, 1_000,
    )  # fmt: skip
    assert close(transaction(), receipt(31_000, is_failed=True), 10_000, 9_000).refund == 0


def test_what_does_not_close_names_the_difference() -> None:
    with pytest.raises(VerificationFailed, match="a difference of -1") as caught:
        close(transaction(), receipt(21_499), 500, 0)
    assert caught.value.code == "not_closed"
    with pytest.raises(VerificationFailed, match="hardfork cancun"):
        close(transaction(b"\1" * 100), receipt(21_000 + 4_000), 0, 0)


def test_intrinsic_gas_of_a_creation_and_of_a_list() -> None:
    created = transaction(b"\1" * 33, to=None).intrinsic()
    assert created == {kinds.COMPUTATION: 53_000 + 2 * 2, kinds.L2_CALLDATA: 16 * 33}
    listed = transaction(access_list=[(OTHER, [1, 2])]).intrinsic()
    assert listed[kinds.STORAGE_READ] == 2_400 + 2 * 1_900
