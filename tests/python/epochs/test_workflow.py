# SPDX-License-Identifier: Apache-2.0
"""The workflow on both databases of DBOS: what is noted as done is never done again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python.databases import POSTGRES, SQLITE, run_sql

SCRIPT = Path(__file__).with_name("scripted.py")
ENDING = ["runs", "pay 0", "pay 128", "moves", "sync 5 1", "sync 128 64", "mark paid"]
WHOLE = [
    *("look", "fund", "open", "look", "compute", "look", "post", "look", "check", "look"),
    "finalise",
    *("look", *ENDING, "standing 0"),
    # The block is gone: the chain says how much of it.
    *("look", *ENDING, "standing 1", "standing 1"),
]


@pytest.fixture(params=[SQLITE, POSTGRES])
def workflows(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLAlchemy URL of an empty database."""
    if request.param == SQLITE:
        return f"sqlite:///{tmp_path / 'workflows.db'}"
    server: str = request.getfixturevalue("postgres_server")
    run_sql(server, "DROP DATABASE IF EXISTS epochs", "CREATE DATABASE epochs")
    base, _, query = server.partition("?")
    return f"{base.rpartition('/')[0]}/epochs" + (f"?{query}" if query else "")


def run(file: Path, workflows: str, die: str = "") -> int:
    file.touch()
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(file), workflows, die],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 9), done.stderr
    return done.returncode


def test_killed_in_a_step_every_other_one_is_done_once(workflows: str, tmp_path: Path) -> None:
    file = tmp_path / "steps"
    deaths = ["look", "fund", "pay 128", "mark paid", "standing 0"]
    for die in deaths:
        assert run(file, workflows, die) == 9
    assert run(file, workflows) == 0
    # The step in which it died was not noted, so it is done again: it finds the chain changed.
    expected, again = [], set(deaths)
    for step in WHOLE:
        expected += [step] * (1 + (step in again))
        again.discard(step)
    assert file.read_text().splitlines() == expected
    # And a whole epoch is not begun again.
    assert run(file, workflows) == 0
    assert file.read_text().splitlines() == expected
