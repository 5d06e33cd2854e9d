# SPDX-License-Identifier: Apache-2.0
"""natrix's one false alarm is told from the real thing."""

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
