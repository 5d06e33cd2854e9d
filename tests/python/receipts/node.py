# SPDX-License-Identifier: Apache-2.0
"""The JavaScript verifier in a Node of its own, and the Python one, in one form."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cortensor.errors import VerificationFailed
from cortensor.receipts import verify_bundle
from tests.conformance.chain_facts import ChainFacts

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests/javascript"


def node() -> str:
    found = shutil.which("node")
    assert found, "Node.js comes with npm, which .ci/run installs"
    return found


def run(program: str, lines: Iterable[str]) -> list[Any]:
    """Return what a program of tests/javascript says to each line."""
    done = subprocess.run(
        [node(), str(TESTS / program)],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def by_javascript(cases: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return run("judge_lines.js", map(json.dumps, cases))


def by_python(case: dict[str, Any]) -> dict[str, Any]:
    view = None if case["chain"] is None else ChainFacts(case["chain"])
    try:
        found = verify_bundle(case["bundle"], view, session_payment=case["session_payment"])
    except VerificationFailed as error:
        return {"verdict": "malformed", "field": error.field, "reason": error.reason}
    checks = [[each.name, each.status, each.detail, each.value] for each in found.checks]
    return {"verdict": found.verdict, "withheld": list(found.withheld), "checks": checks}
