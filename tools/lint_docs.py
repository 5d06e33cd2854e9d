# SPDX-License-Identifier: Apache-2.0
"""Checks the documentation: every link leads somewhere, every command is known to be tried.

`docs/commands.toml` says of each command how it is tried: `run = true` (the docs test runs it),
or `tried_by` the file that does. A page with a command that nobody tries does not pass, nor does a
table entry that no page shows.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.findings import ROOT, Finding, report
from tools.lint_spdx import tracked
from tools.markdown import anchors, commands, links

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = "docs/commands.toml"


@dataclass(frozen=True)
class Command:
    """How a documented command is tried.

    Attributes:
        line: The command as the pages show it.
        run: Whether the docs test runs it.
        tried_by: Otherwise the file that tries it, relative to the repository root.
    """

    line: str
    run: bool = False
    tried_by: str = ""


def table(root: Path) -> dict[str, Command]:
    """Reads the table of commands.

    Args:
        root: The repository root.

    Returns:
        Command line -> how it is tried.

    Raises:
        TypeError: If an entry has an unknown key.
    """
    entries = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))["command"]
    return {entry["line"]: Command(**entry) for entry in entries}


def pages(root: Path) -> list[Path]:
    """Lists the pages.

    Args:
        root: The repository root, a git work tree.

    Returns:
        Absolute paths of the Markdown files.
    """
    found = (root / name for name in tracked(root) if name.endswith(".md"))
    return [path for path in found if path.exists()]


def check_links(root: Path, page: Path) -> Iterator[Finding]:
    """Checks the links of a page that stay inside the repository.

    Args:
        root: The repository root.
        page: A Markdown file.

    Yields:
        One finding for each dead link.
    """
    name = page.relative_to(root).as_posix()
    for line, target in links(page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        if not goal.is_relative_to(root) or not goal.exists():
            yield Finding(name, line, "link", f"{target} leads nowhere")
        elif (
            anchor
            and goal.suffix == ".md"
            and anchor not in anchors(goal.read_text(encoding="utf-8"))
        ):
            yield Finding(name, line, "link", f"{target}: no such heading")


def check_commands(root: Path, found: list[Path], known: dict[str, Command]) -> Iterator[Finding]:
    """Checks the commands of all pages against the table.

    Args:
        root: The repository root.
        found: The pages.
        known: The table.

    Yields:
        One finding for each command that nobody tries, and each entry that is idle.
    """
    shown: set[str] = set()
    for page in found:
        name = page.relative_to(root).as_posix()
        for line, text in commands(page.read_text(encoding="utf-8")):
            shown.add(text)
            if text not in known:
                yield Finding(name, line, "command", f"`{text}` is not in {TABLE}")
    for command in known.values():
        if command.line not in shown:
            yield Finding(TABLE, 0, "command", f"`{command.line}` is on no page")
        if command.run == bool(command.tried_by):
            yield Finding(TABLE, 0, "command", f"`{command.line}`: either run or tried_by")
        if command.tried_by and not (root / command.tried_by).exists():
            message = f"`{command.line}`: {command.tried_by} does not exist"
            yield Finding(TABLE, 0, "command", message)


def main() -> int:
    """Checks this repository.

    Returns:
        The exit code.
    """
    found = pages(ROOT)
    broken = [finding for page in found for finding in check_links(ROOT, page)]
    broken += check_commands(ROOT, found, table(ROOT))
    return report(broken, f"links and commands of {len(found)} pages")


if __name__ == "__main__":
    sys.exit(main())
