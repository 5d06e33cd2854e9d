# SPDX-License-Identifier: Apache-2.0
"""natrix's two false alarms are told from the real things."""

from __future__ import annotations

import pytest

from tools.vyper_style import is_false_alarm

SOURCE = [
    "@internal",
    "def _pull():",
    "    extcall token.pull()",
    "",
    "def _read():",
    "    x = self.a",
]


@pytest.mark.parametrize(
    ("code", "lines", "expected"),
    [("NTX4", (2, 3), True), ("NTX4", (5, 6), False), ("NTX3", (2, 3), False)],
)
def test_only_external_calls_excuse_a_missing_view(
    code: str, lines: tuple[int, int], *, expected: bool
) -> None:
    issue = {"code": code, "start_position": [lines[0], 0], "end_position": [lines[1], 0]}
    assert is_false_alarm(issue, SOURCE) is expected


VIEWS = [
    "@external",
    "@view",
    "def page() -> DynArray[uint256, 1024]:",
    "    return self.found",
    "",
    "@external",
    "def write(content: Bytes[40000]):",
    "    self.content = content",
]


@pytest.mark.parametrize(("line", "expected"), [(3, True), (7, False)])
def test_only_a_view_is_excused_for_a_large_frame(line: int, *, expected: bool) -> None:
    issue = {"code": "NTX1", "start_position": [line, 0], "end_position": [line + 1, 0]}
    assert is_false_alarm(issue, VIEWS) is expected
