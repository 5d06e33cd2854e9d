# SPDX-License-Identifier: Apache-2.0
"""docs/spec/threats.md: every attack has its test, and every scenario is an attack in the book."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
BOOK = HERE.parents[1] / "docs" / "spec" / "threats.md"
CITED = re.compile(r"`([\w/]+\.py)(?:::(\w+))?`")
# A flow that anybody takes, told as a scenario: no attack.
FLOWS: set[str] = set()


def rows() -> list[list[str]]:
    """Return the attacks: name, what it is after, what it meets, its tests."""
    lines = BOOK.read_text().splitlines()
    cells = [[c.strip() for c in line.strip("|").split(" | ")] for line in lines if line[:1] == "|"]
    return [row for row in cells if len(row) == 4 and CITED.search(row[3])]


def test_every_attack_has_a_test_that_exists():
    assert len(rows()) >= 35
    for name, _, _, tests in rows():
        found = CITED.findall(tests)
        assert found, name
        for path, function in found:
            source = (HERE / path).read_text()
            assert "def test_" in source, path
            if function:
                assert f"def {function}(" in source, f"{path}::{function}"


def test_no_attack_is_there_twice():
    names = [row[0] for row in rows()]
    assert len(names) == len(set(names))


def test_every_scenario_is_in_the_book():
    cited = {path for row in rows() for path, _ in CITED.findall(row[3])}
    there = {f"scenarios/{path.name}" for path in (HERE / "scenarios").glob("test_*.py")}
    assert there - cited - FLOWS == set()
