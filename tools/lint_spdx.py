# SPDX-License-Identifier: Apache-2.0
"""Checks that every source file names its licence in its first lines, as REUSE reads it.

Contracts are AGPL-3.0-only, since they import snekmate; all else is Apache-2.0.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tools.findings import ROOT, Finding, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SOURCE_SUFFIXES = frozenset(
    {".py", ".vy", ".vyi", ".sh", ".js", ".mjs", ".ts", ".css", ".toml", ".yaml", ".yml", ".sql"}
)
_SOURCE_NAMES = frozenset({"Makefile", "run"})
#: A shebang, an XML or editor line may come before the licence.
_WITHIN_LINES = 3


def expected(path: PurePosixPath) -> str | None:
    """Names the licence a file must carry.

    Args:
        path: Path relative to the repository root.

    Returns:
        An SPDX identifier, or None for data and prose, which cannot carry a comment.
    """
    if path.suffix not in _SOURCE_SUFFIXES and path.name not in _SOURCE_NAMES:
        return None
    return "AGPL-3.0-only" if path.suffix in {".vy", ".vyi"} else "Apache-2.0"


def check(root: Path, names: list[str]) -> Iterator[Finding]:
    """Checks files.

    Args:
        root: The repository root.
        names: Paths relative to it.

    Yields:
        One finding for each file without its licence line.
    """
    for name in names:
        licence = expected(PurePosixPath(name))
        path = root / name
        if licence is None or not path.exists():
            continue
        head = path.read_text(encoding="utf-8").split("\n")[:_WITHIN_LINES]
        if not any(
            line.rstrip(" -*/>").endswith(f"SPDX-License-Identifier: {licence}") for line in head
        ):
            yield Finding(name, 1, "spdx", f"add `SPDX-License-Identifier: {licence}`")
    for name in ("LICENSE", "contracts/LICENSE"):
        if not (root / name).exists():
            yield Finding(name, 0, "spdx", "the licence text is missing")


def tracked(root: Path) -> list[str]:
    """Lists what git tracks, or would if it were added.

    Args:
        root: The repository root.

    Returns:
        Paths relative to the root.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return listing.stdout.splitlines()


def main() -> int:
    """Checks this repository.

    Returns:
        The exit code.
    """
    names = tracked(ROOT)
    return report(check(ROOT, names), f"licence lines of {len(names)} files")


if __name__ == "__main__":
    sys.exit(main())
