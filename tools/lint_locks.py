# SPDX-License-Identifier: Apache-2.0
"""Checks the lock files: everything hashed, no registry named, no machine's own paths.

A lock that names a host breaks wherever that host is not reached; a lock without hashes locks
nothing.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

from tools.findings import ROOT, Finding, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PLACE = re.compile(r"[a-z]+://|(?<![\w.])/[\w.-]+/|--(extra-)?index-url|--find-links")
_PIN = re.compile(r"^[A-Za-z0-9._-]+(\[[A-Za-z0-9,._-]+\])?==[^\s;]+")


def requirements(name: str, content: str) -> Iterator[Finding]:
    """Checks one requirements file.

    Args:
        name: Name for the findings.
        content: The file.

    Yields:
        Broken rules.
    """
    pins = 0
    lines = content.split("\n")
    for number, line in enumerate(lines, 1):
        if _PLACE.search(line):
            yield Finding(name, number, "lock", "names a host or a path")
        if not line or line[0] in "# ":
            continue
        pins += 1
        if not _PIN.match(line):
            yield Finding(name, number, "lock", "is not pinned with ==")
        if not lines[number].lstrip().startswith("--hash=sha256:"):
            yield Finding(name, number, "lock", "has no hash")
    if not pins:
        yield Finding(name, 0, "lock", "locks nothing")


def package_lock(name: str, content: str) -> Iterator[Finding]:
    """Checks npm's lock.

    Args:
        name: Name for the findings.
        content: The file.

    Yields:
        Broken rules.
    """
    packages = json.loads(content)["packages"]
    for path, package in packages.items():
        if "resolved" in package:
            yield Finding(name, 0, "lock", f"{path} names a host; .npmrc should prevent that")
        if path and "integrity" not in package:
            yield Finding(name, 0, "lock", f"{path} has no integrity hash")


def check(root: Path) -> Iterator[Finding]:
    """Checks every lock of a repository.

    Args:
        root: The repository root.

    Yields:
        Broken rules.
    """
    for path in sorted((root / "requirements").glob("*.txt")):
        name = path.relative_to(root).as_posix()
        yield from requirements(name, path.read_text(encoding="utf-8"))
    lock = root / "package-lock.json"
    yield from package_lock(lock.name, lock.read_text(encoding="utf-8"))
    for name in ("uv.lock", "pylock.toml", "poetry.lock"):
        if (root / name).exists():
            yield Finding(name, 0, "lock", "records registry URLs: use `make lock`")


def main() -> int:
    """Checks this repository.

    Returns:
        The exit code.
    """
    return report(check(ROOT), "lock files")


if __name__ == "__main__":
    sys.exit(main())
