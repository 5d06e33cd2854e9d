# SPDX-License-Identifier: Apache-2.0
"""Write the conformance vectors: `python -m tests.conformance.generate [--check]`.

Other implementations of the receipt format read these files; see README.md beside this one. Keys,
salts and times are fixed, so the files come out the same byte for byte.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.conformance.all_cases import all_cases
from tests.conformance.case import Case
from tests.conformance.set_cases import SetCase, set_cases

VECTORS = Path(__file__).parent / "vectors"
SETS = Path(__file__).parent / "sets"


def render(case: Case) -> str:
    """Return a case as the text of its file."""
    if case.malformed is not None:
        expect: dict[str, object] = {"verdict": "malformed", "field": case.malformed}
    else:
        verdict = "failed" if case.failed else case.unfailed
        if case.unanswered:
            verdict = "unreachable"
        expect = {
            "verdict": verdict,
            "failed": sorted(case.failed),
            "withheld": list(case.withheld),
        }
    document = {
        "name": case.name,
        "why": case.why,
        "expect": expect,
        "chain": case.chain,
        "session_payment": case.session_payment,
        "bundle": case.bundle,
    }
    return json.dumps(document, indent=1, sort_keys=False) + "\n"


def render_set(case: SetCase) -> str:
    """Return a case of several bundles as the text of its file."""
    clashes = [{"reference": each, "receipts": receipts} for each, receipts in case.clashes]
    document = {
        "name": case.name,
        "why": case.why,
        "expect": {"clashes": clashes},
        "bundles": case.bundles,
    }
    return json.dumps(document, indent=1, sort_keys=False) + "\n"


def expected_files() -> dict[Path, str]:
    """Return the text of every file by its path."""
    files = {VECTORS / f"{case.name}.json": render(case) for case in all_cases()}
    return files | {SETS / f"{case.name}.json": render_set(case) for case in set_cases()}


def main(arguments: list[str]) -> int:
    """Write the files, or with --check compare them; returns the exit code."""
    expected = expected_files()
    there = [*VECTORS.glob("*.json"), *SETS.glob("*.json")]
    if "--check" in arguments:
        found = {path: path.read_text(encoding="utf-8") for path in there}
        stale = sorted(
            path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path)
        )
        sys.stdout.write("".join(f"differs: {path.parent.name}/{path.name}\n" for path in stale))
        return 1 if stale else 0
    for path in there:
        path.unlink()
    for path, text in expected.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(expected)} vectors\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
