# SPDX-License-Identifier: Apache-2.0
"""Copies of the repository: the working tree is read once, and never written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: What contract tests read; the pages, since their examples are run.
COPIED = ("contracts", "tests", "src", "config", "docs/spec", "pyproject.toml")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".hypothesis", ".pytest_cache")


def copy(source: Path, target: Path) -> Path:
    """Copies what contract tests need.

    Args:
        source: A repository root, or a copy of one.
        target: A folder that does not exist yet.

    Returns:
        The target.
    """
    target.mkdir(parents=True)
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=_LEFT_OUT)
        elif (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    return target


def forget_examples(tree: Path) -> None:
    """Removes what Hypothesis learnt from the last mutant, so that order does not matter."""
    shutil.rmtree(tree / ".hypothesis", ignore_errors=True)
