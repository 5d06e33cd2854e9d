# SPDX-License-Identifier: Apache-2.0
"""A verifier holds a receipt to the request's sampling and to its tool trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cortensor.receipts.verify_task import SamplingAsked, compare_task, trace_hash

if TYPE_CHECKING:
    from cortensor.receipts.body import Body

HASH = "0x" + "11" * 32


class Replica(msgspec.Struct):
    index: int = 0
    temperature_bps: int | None = 2500
    seed: int | None = 7


class Shown(msgspec.Struct):
    replicas: list[Replica]
    tool_traces: list[str]


def compared(sampling: SamplingAsked | None, trace: list[Any] | None, *hashes: str) -> list[str]:
    body: Body = Shown([Replica()], list(hashes))  # type: ignore[assignment]  # its two fields
    return compare_task(body, sampling, trace)


def test_what_was_asked_was_done() -> None:
    found = trace_hash({"a": 1.5})
    assert found is not None
    assert compared(SamplingAsked(temperature_bps=2500, seed=7), [{"a": 1.5}], found) == []
    assert compared(SamplingAsked(), None) == []
    assert compared(None, None, HASH) == []  # a backend's own


@pytest.mark.parametrize(
    ("sampling", "trace", "hashes", "named"),
    [
        (SamplingAsked(temperature_bps=0), None, (), "replicas[0].temperature_bps"),
        (SamplingAsked(seed=8), None, (), "replicas[0].seed"),
        (None, ["x"], (), "tool_traces"),
        (None, ["x"], (HASH,), "tool_traces"),
        (None, [2**70], (HASH,), "tool_traces"),
    ],
    ids=["hotter", "another_seed", "left_out", "another", "no_form"],
)
def test_what_was_not_done_is_found(
    sampling: SamplingAsked | None, trace: list[Any] | None, hashes: tuple[str, ...], named: str
) -> None:
    [problem] = compared(sampling, trace, *hashes)
    assert named in problem
