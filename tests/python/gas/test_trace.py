# SPDX-License-Identifier: Apache-2.0
"""A step's own cost: within a frame, of a call, of a frame's last step; and what is not whole."""

from __future__ import annotations

import msgspec
import pytest

from cortensor.errors import VerificationFailed
from cortensor.gas.trace import Enter, Trace, memory_gas, read_steps
from tests.python.gas.traces import OTHER, TARGET, calling, trace


def costs(found: Trace, *, is_creation: bool = False, is_failed: bool = False) -> list[int]:
    return read_steps(found, is_creation=is_creation, is_failed=is_failed).costs


def test_a_step_takes_what_the_next_one_lacks() -> None:
    assert costs(trace(("PUSH1", 3), ("ADD", 3), ("STOP", 0))) == [3, 3, 0]


def test_a_call_takes_what_it_did_not_hand_on() -> None:
    found = read_steps(calling(inner_fails=False), is_creation=False, is_failed=False)
    assert found.costs == [3, 2_600, 3, 22_100, 0, 2_100, 0]
    assert found.frame_of == [0, 0, 1, 1, 1, 0, 0]
    assert [frame.address for frame in found.frames] == [TARGET, OTHER]
    assert [frame.opener for frame in found.frames] == [None, 1]


def test_the_last_step_pays_for_the_memory_it_returns() -> None:
    found = trace(("PUSH1", 3), ("RETURN", 0, ["40", "20", "20"]))
    assert costs(found) == [3, memory_gas(96) - memory_gas(32)]
    assert costs(trace(("RETURN", 0, ["ffff", "0", "0"]))) == [0]


def test_a_creation_pays_for_its_code() -> None:
    found = trace(("RETURN", 0, ["0", "20", "40"]))
    assert costs(found, is_creation=True) == [200 * 32]
    # A constructor that refuses leaves none.
    refused = trace(("REVERT", 0, ["0", "20", "40"]))
    assert costs(refused, is_creation=True, is_failed=True) == [0]


def test_whoever_fails_without_revert_loses_all() -> None:
    assert costs(trace(("PUSH1", 3), ("INVALID", 0)), is_failed=True) == [3, 99_997]
    inner = calling(inner_fails=False)
    ends = [inner.ends[0]._replace(is_failed=True, used=1)]
    assert costs(msgspec.structs.replace(inner, ends=ends))[4] == 27_897


def test_memory_gets_dearer() -> None:
    assert [memory_gas(size) for size in (0, 1, 32, 33, 1_024, 32_000)] == [
        0, 3, 3, 6, 98, 3 * 1_000 + 1_000_000 // 512,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (trace(("PUSH1", 3), ("ADD", 3)), "it ends with ADD"),
        (trace(("PUSH1", 3), ("REVERT", 0, ["0", "0", "0"])), "it ends with REVERT"),
        (trace(("RETURN", 0)), "operands of its last step"),
        (Trace([0, 0], [5], [], [], []), "2 opcodes, 1 amounts"),
        (Trace([0], [5], [], [], []), "its first step is in no frame"),
        (Trace([0x60, 0], [5, 5], [Enter(0, 1, TARGET), Enter(1, 2, OTHER)], [], []), "nothing"),
        (Trace([0xF1, 0], [5, 5], [Enter(0, 1, TARGET), Enter(1, 3, OTHER)], [], []), "at depth 3"),
        (Trace([0xF1, 0], [5, 5], [Enter(0, 1, TARGET), Enter(1, 2, OTHER)], [], []), "2 frames"),
        (msgspec.structs.replace(calling(inner_fails=False), ends=[]), "ends at step 4"),
    ],
)  # fmt: skip
def test_a_trace_that_lacks_steps(found: Trace, words: str) -> None:
    with pytest.raises(VerificationFailed, match=words) as caught:
        costs(found)
    assert caught.value.code == "truncated_trace"
