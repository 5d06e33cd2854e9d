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

VECTORS = Path(__file__).parent / "vectors"


def render(case: Case) -> str:
    """Return a case as the text of its file."""
    if case.malformed is not None:
        expect: dict[str, object] = {"verdict": "malformed", "field": case.malformed}
    else:
        verdict = "failed" if case.failed else case.unfailed
        expect = {"verdict": verdict, "failed": sorted(case.failed)}
    document = {
        "name": case.name,
        "why": case.why,
        "expect": expect,
        "chain": case.chain,
        "session_payment": case.session_payment,
        "bundle": case.bundle,
    }
    return json.dumps(document, indent=1, sort_keys=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the files, or with --check compare them; returns the exit code."""
    expected = {f"{case.name}.json": render(case) for case in all_cases()}
    if "--check" in arguments:
        found = {path.name: path.read_text(encoding="utf-8") for path in VECTORS.glob("*.json")}
        stale = sorted(
            name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
        )
        sys.stdout.write("".join(f"differs: {name}\n" for name in stale))
        return 1 if stale else 0
    VECTORS.mkdir(exist_ok=True)
    for path in VECTORS.glob("*.json"):
        path.unlink()
    for name, text in expected.items():
        (VECTORS / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(expected)} vectors\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
