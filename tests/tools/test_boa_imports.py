# SPDX-License-Identifier: Apache-2.0
"""titanoboa's cache gives out no contract whose imports have changed, however far away they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.util.disk_cache import DiskCache

from tools.boa_imports import follow_imports

TOP = """
import middle

@external
@pure
def number() -> uint256:
    return middle._number()
"""
MIDDLE = """
import bottom

@internal
@pure
def _number() -> uint256:
    return bottom.NUMBER
"""

ALONE = """
import sys
from pathlib import Path
import boa
from boa.util.disk_cache import DiskCache

folder = Path(sys.argv[1])
boa.interpret._disk_cache = DiskCache(folder / "cache", "salt")
boa.interpret._search_path = [str(folder)]
for value in (1, 2):
    (folder / "bottom.vy").write_text(f"NUMBER: constant(uint256) = {value}")
    print(boa.load(str(folder / "top.vy")).number())
"""


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of sources with a cache of their own; titanoboa is put back as it was."""
    (tmp_path / "top.vy").write_text(TOP, encoding="ascii")
    (tmp_path / "middle.vy").write_text(MIDDLE, encoding="ascii")
    interpret = boa.interpret
    monkeypatch.setattr(interpret, "_disk_cache", DiskCache(tmp_path / "cache", "salt"))
    monkeypatch.setattr(interpret, "_search_path", [str(tmp_path)])
    monkeypatch.setattr(interpret, "get_module_fingerprint", interpret.get_module_fingerprint)
    return tmp_path


def number_of(sources: Path, value: int) -> Any:
    """What the contract says after the file at the bottom was written anew."""
    (sources / "bottom.vy").write_text(f"NUMBER: constant(uint256) = {value}\n", encoding="ascii")
    return boa.load(str(sources / "top.vy")).number()


def test_a_change_two_imports_away_is_seen(sources: Path) -> None:
    follow_imports(boa)
    assert [number_of(sources, value) for value in (1, 2, 1)] == [1, 2, 1]
    # One compilation for each of the two.
    assert len(list(sources.glob("cache/salt/*.pickle"))) == 2


def test_titanoboa_needs_it_still(sources: Path) -> None:
    """When this fails, titanoboa follows imports itself, and `boa_imports` can go."""
    # Of this process titanoboa may follow them: other tests of the worker said so.
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(sources)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split() == ["1", "1"]
