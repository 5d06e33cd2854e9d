# SPDX-License-Identifier: Apache-2.0
"""What a check says: one finding a line, and exit code 1 if there is any."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule at one place.

    Attributes:
        path: File, relative to the repository root.
        line: 1-based line; 0 if the whole file is meant.
        rule: Short stable name of the rule.
        message: What to do about it.
    """

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: [{self.rule}] {self.message}"


def report(findings: Iterable[Finding], checked: str) -> int:
    """Prints the findings, or one line on what was checked.

    Args:
        findings: Broken rules, in any order; duplicates are printed once.
        checked: What was looked at, for the line that says all is well.

    Returns:
        The exit code: 1 if there is a finding, otherwise 0.
    """
    broken = sorted(set(findings))
    for finding in broken:
        print(finding, file=sys.stderr)
    if broken:
        print(f"{len(broken)} broken rules in {checked}", file=sys.stderr)
        return 1
    print(f"{checked}: clean")
    return 0
