# SPDX-License-Identifier: Apache-2.0
"""Runs the Vyper formatter (mamushi) and linter (natrix), which have an environment of their own.

Both pin what neither Ape nor the package can live with, so they are called as programs.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.findings import ROOT, Finding, report

if TYPE_CHECKING:
    from collections.abc import Iterator

LINT_BIN = ROOT / ".venv-vyper-lint" / "bin"
CLEAN = LINT_BIN.parent / "clean"
LINE_LENGTH = 100
#: NTX11 wants `_arg` for parameters; ours are plain words, since they become keywords in SDKs.
DISABLED = ("NTX11",)
#: A settlement batch of 512 words is held in memory on purpose, so are 128 leaves of nodes that are
#: synced, and an agent's registration with 16 entries of metadata and room for the code that holds
#: a long file, which costs nothing until it is used; the default limit is 20,000 bytes.
RULE_CONFIG = ("MemoryExpansion.max_frame_size=52000",)


def formatted(contracts: list[str]) -> Iterator[Finding]:
    """Asks mamushi which files it would change.

    Args:
        contracts: Paths relative to the repository root.

    Yields:
        One finding for each file.
    """
    command = [str(LINT_BIN / "mamushi"), "--check", "--line-length", str(LINE_LENGTH), *contracts]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    for line in result.stderr.splitlines():
        if line.startswith("would reformat "):
            yield Finding(line.removeprefix("would reformat "), 0, "mamushi", "run `make format`")
        elif line.startswith("error"):
            yield Finding("contracts", 0, "mamushi", line)


def is_false_alarm(issue: dict[str, Any], source: list[str]) -> bool:
    """Recognises what natrix gets wrong.

    NTX4 takes a function that only calls out, or only logs, for one that could be a view. NTX1
    warns of the gas of a large frame: a view that returns a page has one, and is read for nothing.

    Args:
        issue: One issue of natrix's JSON output.
        source: The file's lines.

    Returns:
        True if it is to be dropped.
    """
    first, last = issue["start_position"][0], issue["end_position"][0]
    if issue["code"] == "NTX1":
        decorators = itertools.takewhile(
            lambda line: line.startswith("@"), reversed(source[: first - 1])
        )
        return "@view" in decorators
    if issue["code"] != "NTX4":
        return False
    body = "\n".join(source[first - 1 : last])
    return any(word in body for word in ("extcall ", "raw_call(", "log "))


def linted(contracts: list[str], site_packages: Path) -> Iterator[Finding]:
    """Asks natrix.

    Args:
        contracts: Paths of `.vy` files relative to the repository root.
        site_packages: Where imported Vyper packages are installed.

    Yields:
        One finding for each issue that is not a false alarm.

    Raises:
        RuntimeError: If natrix itself fails.
    """
    config = [word for rule in RULE_CONFIG for word in ("-c", rule)]
    command = [str(LINT_BIN / "natrix"), "lint", "--json", "-d", *DISABLED, *config]
    command += ["-p", str(site_packages), str(ROOT), "--", *contracts]
    environment = os.environ | {"PATH": f"{LINT_BIN}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment
    )
    try:
        issues = json.loads(result.stdout or "[]")
    except json.JSONDecodeError as error:
        raise RuntimeError(f"natrix failed: {result.stdout}{result.stderr}") from error
    if result.returncode != 0 and not issues:
        raise RuntimeError(f"natrix failed: {result.stderr}")
    for issue in issues:
        path = Path(issue["file"])
        name = path.relative_to(ROOT).as_posix() if path.is_absolute() else path.as_posix()
        # The baseline's signatures are the network's, whatever of them it needs.
        if issue["code"] == "NTX10" and name.startswith("contracts/baseline/"):
            continue
        if not is_false_alarm(issue, (ROOT / name).read_text(encoding="ascii").split("\n")):
            yield Finding(name, issue["start_position"][0], issue["code"], issue["message"])


def digest(paths: list[Path]) -> str:
    """Hashes all that the outcome depends on: the sources, this file, the tools' lock.

    Args:
        paths: The Vyper files.

    Returns:
        A hex digest.
    """
    state = hashlib.sha256()
    for path in [*paths, Path(__file__), ROOT / "requirements" / "vyper-lint.txt"]:
        content = path.read_bytes()
        state.update(f"{path.name} {len(content)}\n".encode() + content)
    return state.hexdigest()


def main() -> int:
    """Formats nothing, reports everything.

    What was clean once is remembered in the lint environment: natrix takes seconds a file.

    Returns:
        The exit code.
    """
    found = sorted((ROOT / "contracts").rglob("*.vy")) + sorted((ROOT / "contracts").rglob("*.vyi"))
    names = [path.relative_to(ROOT).as_posix() for path in found]
    checked, now = f"style of {len(names)} Vyper files", digest(found)
    if CLEAN.exists() and CLEAN.read_text(encoding="ascii") == now:
        return report([], f"{checked}, unchanged")
    site_packages = next((ROOT / ".venv-contracts").glob("lib/python*/site-packages"))
    broken = list(formatted(names))
    # A module that `uses:` another cannot compile alone; natrix sees it through its importers.
    modules = "contracts/modules/"
    vy = [name for name in names if name.endswith(".vy") and not name.startswith(modules)]
    # natrix compiles each file from scratch; one share for each core.
    cores = os.cpu_count() or 1
    shares = [share for start in range(cores) if (share := vy[start::cores])]
    with ThreadPoolExecutor(cores) as pool:
        for findings in pool.map(lambda share: list(linted(share, site_packages)), shares):
            broken += findings
    if not broken:
        CLEAN.write_text(now, encoding="ascii")
    return report(broken, checked)


if __name__ == "__main__":
    sys.exit(main())
